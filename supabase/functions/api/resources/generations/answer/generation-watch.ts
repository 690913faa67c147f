import type { Database } from "../../../clients/database.ts";
import { findGenerationStates, type GenerationState } from "../store.ts";

const everyMs = 1_000;
/** The most waits and live streams of one caller in an isolate. The second limit is for all callers. */
export const maxPerCaller = 10;
const maxHeld = 1_000;

/** `undefined` means that the generation was deleted. */
type Found = GenerationState | undefined;
export type Look = { state: Found };
type IsOver = (state: Found) => boolean;
type Waiter = { id: string; isOver: IsOver; wake: (look: Look | null) => void };
export type Wanted = { id: string; ms: number; signal: AbortSignal; isOver: IsOver };
export type Wait = Wanted & { caller: string };

/**
 * Watches the generations that callers wait for. One query a second serves all callers, and without callers there is no query.
 * It does not use LISTEN, which a transaction pooler forbids.
 */
export class GenerationWatch {
  readonly #look: (ids: string[]) => Promise<GenerationState[]>;
  readonly #waiters = new Set<Waiter>();
  readonly #perCaller = new Map<string, number>();
  #held = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(look: (ids: string[]) => Promise<GenerationState[]>) {
    this.#look = look;
  }

  /** Takes a place for a wait. @returns a function that frees it, or undefined when no place is left */
  enter(caller: string): (() => void) | undefined {
    const mine = this.#perCaller.get(caller) ?? 0;
    if (mine >= maxPerCaller || this.#held >= maxHeld) return undefined;
    this.#perCaller.set(caller, mine + 1);
    this.#held++;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#held--;
      const left = (this.#perCaller.get(caller) ?? 1) - 1;
      if (left > 0) this.#perCaller.set(caller, left);
      else this.#perCaller.delete(caller);
    };
  }

  /** The state that ended the wait. Null after a timeout, or if the caller has disconnected. The caller needs a place. */
  async next({ id, ms, signal, isOver }: Wanted): Promise<Look | null> {
    if (signal.aborted || ms <= 0) return null;
    const { promise, resolve: wake } = Promise.withResolvers<Look | null>();
    const waiter = { id, isOver, wake };
    const giveUp = () => wake(null);
    this.#waiters.add(waiter);
    const timer = setTimeout(giveUp, ms);
    signal.addEventListener("abort", giveUp, { once: true });
    this.#timer ??= setTimeout(() => void this.#poll(), everyMs);
    const look = await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    this.#waiters.delete(waiter);
    return look;
  }

  /**
   * Resolves when the generation has ended, after a timeout, or if the caller has disconnected. Without a free place it
   * resolves at once.
   */
  async wait({ caller, ...wanted }: Wait): Promise<void> {
    const leave = this.enter(caller);
    if (leave === undefined) return;
    await this.next(wanted);
    leave();
  }

  async #poll(): Promise<void> {
    const ids = [...new Set([...this.#waiters].map(({ id }) => id))];
    try {
      const states = ids.length === 0 ? [] : await this.#look(ids);
      const byId = new Map(states.map((state) => [state.id, state]));
      for (const { id, isOver, wake } of this.#waiters) {
        const state = byId.get(id);
        if (ids.includes(id) && isOver(state)) wake({ state });
      }
    } catch {
      // The caller reads the generation afterwards, and gets the error of the database then.
    }
    this.#timer = this.#waiters.size === 0 ? undefined : setTimeout(() => void this.#poll(), everyMs);
  }
}

const watches = new WeakMap<Database, GenerationWatch>();

/** The watch of this isolate. */
export function watchOf({ ofProcess: database }: Database): GenerationWatch {
  let watch = watches.get(database);
  if (watch === undefined) {
    watch = new GenerationWatch((ids) => findGenerationStates(database, ids));
    watches.set(database, watch);
  }
  return watch;
}
