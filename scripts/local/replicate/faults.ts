import { z } from "zod";

const ms = z.number().int().min(0).max(600_000);
const event = z.enum(["start", "output", "logs", "completed"]).default("completed");

const faultSchema = z.discriminatedUnion("kind", [
  // Before a prediction exists.
  z.strictObject({
    kind: z.literal("refuse"),
    status: z.union([z.literal(402), z.literal(422), z.literal(429), z.literal(500), z.literal(503)]),
    retry_after: z.number().int().min(0).default(1),
  }),
  z.strictObject({ kind: z.literal("reset") }),
  // The prediction itself.
  z.strictObject({ kind: z.literal("drop") }),
  z.strictObject({ kind: z.literal("hold"), ms }),
  z.strictObject({ kind: z.literal("fail"), error: z.string().default("CUDA out of memory.") }),
  z.strictObject({ kind: z.literal("nsfw") }),
  z.strictObject({ kind: z.literal("stall") }),
  z.strictObject({ kind: z.literal("slow"), ms }),
  // Its webhooks.
  z.strictObject({ kind: z.literal("delay_webhook"), ms, event }),
  z.strictObject({ kind: z.literal("lose_webhook"), event }),
  z.strictObject({
    kind: z.literal("duplicate_webhook"),
    count: z.number().int().min(1).max(50).default(1),
    event,
  }),
  z.strictObject({ kind: z.literal("reorder_webhooks") }),
  z.strictObject({ kind: z.literal("forge_webhook"), event }),
  z.strictObject({
    kind: z.literal("stale_webhook"),
    age_seconds: z.number().int().min(1).default(3600),
    event,
  }),
  // Reading it and its files.
  z.strictObject({ kind: z.literal("wrong_get") }),
  z.strictObject({ kind: z.literal("file_gone") }),
  z.strictObject({
    kind: z.literal("file_huge"),
    bytes: z
      .number()
      .int()
      .min(1)
      .default(64 * 1024 * 1024),
  }),
  z.strictObject({ kind: z.literal("file_not_image") }),
  z.strictObject({ kind: z.literal("file_slow"), ms }),
]);

export type Fault = z.output<typeof faultSchema>;
type FaultKind = Fault["kind"];
type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>;

/** `match` is a part of the prompt, "" every prompt; without `times` the rule holds until it is cleared. */
export const faultRuleSchema = z.strictObject({
  match: z.string().default(""),
  times: z.number().int().min(1).optional(),
  fault: faultSchema,
});
export type FaultRule = z.input<typeof faultRuleSchema>;

const BEFORE_CREATION: FaultKind[] = ["refuse", "reset"];
const ON_READ: FaultKind[] = ["wrong_get", "file_gone", "file_huge", "file_not_image", "file_slow"];

/** Which field the one argument of a directive in a prompt fills. */
const ARGUMENT: Partial<Record<FaultKind, string>> = {
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

type Entry = { match: string; remaining: number; fault: Fault };

/** The faults that apply to one prediction: taken from the rules at its creation, or named in its prompt. */
export class PredictionFaults {
  readonly entries: Entry[];

  constructor(entries: Entry[]) {
    this.entries = entries;
  }

  find<K extends FaultKind>(kind: K): FaultOf<K> | undefined {
    return this.entries.find((entry) => entry.fault.kind === kind)?.fault as FaultOf<K> | undefined;
  }
}

/** `[[slow 5000]]`, `[[fail a text]]`, `[[lose_webhook]]`; what is no fault stays plain prompt. */
function faultsInPrompt(prompt: string): Entry[] {
  const found: Entry[] = [];
  for (const [, name = "", argument = ""] of prompt.matchAll(/\[\[([a-z_-]+)(?:\s+([^\]]*))?\]\]/g)) {
    const kind = name.replaceAll("-", "_") as FaultKind;
    const value = argument.trim();
    const field = ARGUMENT[kind];
    const fields = field && value ? { [field]: field === "error" ? value : Number(value) } : {};
    const fault = faultSchema.safeParse({ kind, ...fields });
    // A read that always fails could never be recovered from, so the argument says how often.
    const remaining = kind === "wrong_get" ? Number(value) || 1 : Number.POSITIVE_INFINITY;
    if (fault.success) found.push({ match: prompt, remaining, fault: fault.data });
  }
  return found;
}

export class FaultRules {
  private entries: Entry[] = [];

  add(rule: FaultRule): void {
    const { match, times, fault } = faultRuleSchema.parse(rule);
    this.entries.push({ match, remaining: times ?? Number.POSITIVE_INFINITY, fault });
  }

  clear(): void {
    this.entries = [];
  }

  list() {
    return this.entries.map(({ match, remaining, fault }) => ({
      match,
      times: Number.isFinite(remaining) ? remaining : null,
      fault,
    }));
  }

  /** The fault that stops a create call, used up by it. */
  takeBeforeCreation(prompt: string): FaultOf<"refuse"> | FaultOf<"reset"> | undefined {
    const named = faultsInPrompt(prompt).find((entry) => BEFORE_CREATION.includes(entry.fault.kind));
    const entry = this.take(prompt, BEFORE_CREATION) ?? named;
    return entry?.fault as FaultOf<"refuse"> | FaultOf<"reset"> | undefined;
  }

  /** Everything that one new prediction suffers; each rule is used up once, whatever it does later. */
  takeForPrediction(prompt: string): PredictionFaults {
    const mine: Entry[] = faultsInPrompt(prompt);
    const skip = [...BEFORE_CREATION, ...ON_READ];
    for (const entry of this.entries) {
      if (skip.includes(entry.fault.kind) || entry.remaining < 1 || !prompt.includes(entry.match)) continue;
      entry.remaining -= 1;
      mine.unshift(entry);
    }
    return new PredictionFaults(mine);
  }

  /** A fault of one read, used up by it; rules added after the creation count too. */
  takeOnRead(prompt: string, own: PredictionFaults, kinds: FaultKind[]): Fault | undefined {
    const rule = this.take(prompt, kinds);
    if (rule) return rule.fault;
    const entry = own.entries.find(({ fault, remaining }) => kinds.includes(fault.kind) && remaining > 0);
    if (entry) entry.remaining -= 1;
    return entry?.fault;
  }

  private take(prompt: string, kinds: FaultKind[]): Entry | undefined {
    const entry = this.entries.find(
      ({ fault, remaining, match }) => kinds.includes(fault.kind) && remaining > 0 && prompt.includes(match),
    );
    if (entry) entry.remaining -= 1;
    return entry;
  }
}
