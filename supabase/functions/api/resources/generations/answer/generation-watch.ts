import type { Database } from "../../../clients/database.ts";
import { findGenerationStates, type GenerationState } from "../store.ts";

const everyMs = 1_000;
/** What one caller, and all of them, may hold open in an isolate. Whoever comes on top is answered at once. */
export const maxPerCaller = 10;
const maxWaiters = 1_000;

type IsOver = (state: GenerationState | undefined) => boolean;
type Waiter = { id: string; isOver: IsOver; wake: () => void };
export type Wait = { id: string; caller: string; ms: number; signal: AbortSignal; isOver: IsOver };

/**
 * Looks at the generations that callers wait for: one query a second for all of them together, and none while nobody waits.
 * A transaction pooler forbids LISTEN, so everybody is served like this.
 */
export class GenerationWatch {
  readonly #look: (ids: string[]) => Promise<GenerationState[]>;
  readonly #waiters = new Set<Waiter>();
  readonly #perCaller = new Map<string, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(look: (ids: string[]) => Promise<GenerationState[]>) {
    this.#look = look;
  }

  /** Resolves when it is over, the time is, or the caller hung up; at once where no more may wait. */
  async wait({ id, caller, ms, signal, isOver }: Wait): Promise<void> {
    const mine = this.#perCaller.get(caller) ?? 0;
    if (mine >= maxPerCaller || this.#waiters.size >= maxWaiters || signal.aborted || ms <= 0) return;
    this.#perCaller.set(caller, mine + 1);
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const waiter = { id, isOver, wake };
    this.#waiters.add(waiter);
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake, { once: true });
    this.#timer ??= setTimeout(() => void this.#poll(), everyMs);
    await woken;
    clearTimeout(timer);
    signal.removeEventListener("abort", wake);
    this.#waiters.delete(waiter);
    const left = (this.#perCaller.get(caller) ?? 1) - 1;
    if (left > 0) this.#perCaller.set(caller, left);
    else this.#perCaller.delete(caller);
  }

  async #poll(): Promise<void> {
    const ids = [...new Set([...this.#waiters].map(({ id }) => id))];
    try {
      const states = ids.length === 0 ? [] : await this.#look(ids);
      const byId = new Map(states.map((state) => [state.id, state]));
      for (const { id, isOver, wake } of this.#waiters) if (ids.includes(id) && isOver(byId.get(id))) wake();
    } catch {
      // Who waits asks for the generation afterwards, and is told then that the database does not answer.
    }
    this.#timer = this.#waiters.size === 0 ? undefined : setTimeout(() => void this.#poll(), everyMs);
  }
}

const watches = new WeakMap<Database, GenerationWatch>();

/** The one of this isolate. */
export function watchOf(database: Database): GenerationWatch {
  let watch = watches.get(database);
  if (watch === undefined) {
    watch = new GenerationWatch((ids) => findGenerationStates(database, ids));
    watches.set(database, watch);
  }
  return watch;
}
