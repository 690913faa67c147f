import { ApiError } from "../errors.ts";
import { instantNow } from "../instants.ts";
import { within } from "../within.ts";

export type PartState = {
  status: "healthy" | "unhealthy" | "not_configured";
  latency_ms?: number;
  error?: string;
};
/** The last failure is kept after the part has recovered. */
type LastError = { error: string; at: string };
/** Throws unless a part answers. Undefined when the part is not configured. */
export type Check = ((deadlineMs: number) => Promise<unknown>) | undefined;

export type HealthMonitor<Name extends string = PartName> = {
  look(name: Name): Promise<PartState>;
  lookAll(): Promise<Record<Name, PartState>>;
  lastErrors(): Partial<Record<Name, LastError>>;
};

export const partNames = ["database", "auth", "storage", "redis", "mail", "image_provider"] as const;
export type PartName = (typeof partNames)[number];
/** Without these parts nobody can sign in or see a picture. */
const requiredParts: readonly PartName[] = ["database", "auth", "storage"];

export type Status = "healthy" | "degraded" | "unhealthy";

// The whole answer has one second, so a slower part counts as down.
const deadlineMs = 700;
/** A result is reused for so long, so a part is checked at most a few times a second. */
const keptMs = 200;

export function createHealthMonitor<Name extends string>(
  checks: Record<Name, Check>,
  now: () => number = () => performance.now(),
): HealthMonitor<Name> {
  const looks = new Map<Name, { state: Promise<PartState>; ended_at: number }>();
  const failures: Partial<Record<Name, LastError>> = {};

  async function take(name: Name, check: NonNullable<Check>): Promise<PartState> {
    const start = now();
    const latency = () => Math.round((now() - start) * 10) / 10;
    try {
      await within(deadlineMs, check(deadlineMs), () => new DOMException("", "TimeoutError"));
      return { status: "healthy", latency_ms: latency() };
    } catch (thrown) {
      const error = classOf(thrown);
      failures[name] = { error, at: instantNow() };
      return { status: "unhealthy", latency_ms: latency(), error };
    }
  }

  function look(name: Name): Promise<PartState> {
    const check = checks[name];
    if (check === undefined) return Promise.resolve({ status: "not_configured" });
    const last = looks.get(name);
    if (last !== undefined && now() < last.ended_at + keptMs) return last.state;
    const current = { state: take(name, check), ended_at: Number.POSITIVE_INFINITY };
    looks.set(name, current);
    void current.state.then(() => {
      current.ended_at = now();
    });
    return current.state;
  }

  return {
    look,
    async lookAll() {
      const names = Object.keys(checks) as Name[];
      const states = await Promise.all(names.map(look));
      return Object.fromEntries(names.map((name, at) => [name, states[at]])) as Record<Name, PartState>;
    },
    lastErrors: () => ({ ...failures }),
  };
}

export function overall(parts: Record<PartName, PartState>): Status {
  const down = partNames.filter((name) => parts[name].status === "unhealthy");
  if (down.some((name) => requiredParts.includes(name))) return "unhealthy";
  return down.length > 0 ? "degraded" : "healthy";
}

/** The public class of an error. Its text could contain hosts. */
function classOf(thrown: unknown): string {
  if (thrown instanceof ApiError) return thrown.code;
  const { name = "" } = thrown as { name?: string };
  return name === "TimeoutError" ? "timeout" : "unreachable";
}
