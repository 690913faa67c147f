import { z } from "zod";

/** Faults of a call or a file, which uses up the rule. */
const ofOneCall = [
  "refuse",
  "reset",
  "wrong_get",
  "file_gone",
  "file_huge",
  "file_not_image",
  "file_slow",
] as const;
/** Faults of a prediction, which gets them at its creation. README.md explains each. */
const ofPrediction = [
  "drop",
  "hold",
  "fail",
  "nsfw",
  "stall",
  "slow",
  "reorder_webhooks",
  "lose_webhook",
  "forge_webhook",
  "delay_webhook",
  "duplicate_webhook",
  "stale_webhook",
] as const;

/** Each kind uses its own fields. */
const faultSchema = z.strictObject({
  kind: z.enum([...ofOneCall, ...ofPrediction]),
  status: z.literal([402, 422, 429, 500, 503]).default(500),
  retry_after: z.int().min(0).default(1),
  ms: z.int().min(0).max(600_000).default(1000),
  error: z.string().default("CUDA out of memory."),
  event: z.enum(["start", "output", "completed"]).default("completed"),
  count: z.int().min(1).max(50).default(1),
  age_seconds: z.int().min(1).default(3600),
  bytes: z.int().min(1).default(67_108_864),
});

type Fault = z.output<typeof faultSchema>;
export type FaultKind = Fault["kind"];

/** `match` is a part of the prompt; "" means every prompt. Without `times` the rule applies until it is cleared. */
export const faultRuleSchema = z.strictObject({
  match: z.string().default(""),
  times: z.int().min(1).optional(),
  fault: faultSchema,
});
export type FaultRule = z.input<typeof faultRuleSchema>;

/** A rule and how often it still applies. */
export type Entry = { match: string; remaining: number; fault: Fault };

/** The field for the argument of a directive in a prompt. */
const fieldOf: Partial<Record<FaultKind, keyof Fault>> = {
  refuse: "status",
  fail: "error",
  slow: "ms",
  hold: "ms",
  file_slow: "ms",
  delay_webhook: "ms",
  duplicate_webhook: "count",
  stale_webhook: "age_seconds",
  file_huge: "bytes",
};

/** The directives in a prompt: `[[slow 5000]]`, `[[fail a text]]`, `[[lose_webhook]]`. Any other text is part of the prompt. */
export function faultsInPrompt(prompt: string): Entry[] {
  const directives = prompt.matchAll(/\[\[([a-z_]+)(?:\s+([^\]]*))?\]\]/g);
  return [...directives].flatMap(([, name = "", argument = ""]) => {
    const value = argument.trim();
    const field = value && fieldOf[name as FaultKind];
    const given = field ? { [field]: field === "error" ? value : Number(value) } : {};
    const fault = faultSchema.safeParse({ kind: name, ...given });
    // The argument says how often a read fails. If it always failed, the generation could not recover.
    const remaining = name === "wrong_get" ? Number(value) || 1 : Number.POSITIVE_INFINITY;
    return fault.success ? [{ match: prompt, remaining, fault: fault.data }] : [];
  });
}

export function findFault(entries: Entry[], kind: FaultKind): Fault | undefined {
  return entries.find(({ fault }) => fault.kind === kind)?.fault;
}

export type FaultRules = ReturnType<typeof makeFaultRules>;

export function makeFaultRules() {
  let entries: Entry[] = [];
  const matching = (prompt: string) =>
    entries.filter(({ match, remaining }) => remaining > 0 && prompt.includes(match));
  return {
    add(rule: FaultRule): void {
      const { match, times = Number.POSITIVE_INFINITY, fault } = faultRuleSchema.parse(rule);
      entries.push({ match, remaining: times, fault });
    },
    clear(): void {
      entries = [];
    },
    /** In JSON, an infinite `times` is null. */
    list: () => entries.map(({ match, remaining, fault }) => ({ match, times: remaining, fault })),
    /** Uses up one fault of these kinds: from the rules, else from the prediction's own. */
    take(prompt: string, kinds: readonly FaultKind[], own: Entry[] = []): Fault | undefined {
      const found = [...matching(prompt), ...own].find(
        ({ fault, remaining }) => remaining > 0 && kinds.includes(fault.kind),
      );
      if (found) found.remaining -= 1;
      return found?.fault;
    },
    /** All faults of a new prediction. Each rule counts as used once, whatever happens later. */
    takeForPrediction(prompt: string): Entry[] {
      const kinds: readonly FaultKind[] = ofOneCall;
      const rules = matching(prompt).filter(({ fault }) => !kinds.includes(fault.kind));
      for (const rule of rules) rule.remaining -= 1;
      return [...rules, ...faultsInPrompt(prompt)];
    },
  };
}
