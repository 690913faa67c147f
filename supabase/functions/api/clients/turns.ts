import { DeadlineError, type StartDeadline } from "./deadlines.ts";

/** A connection while reads share it. */
type Turn<Client> = {
  lent: Promise<Client>;
  isOpen: boolean;
  underWay: number;
  end: (error?: unknown) => void;
};

/** After this time the connection goes back to the pool, where other calls may wait for it. */
const joinWithinMs = 50;
const slowAfterMs = 1_000;
const aloneForMs = 10_000;

/**
 * Shares one connection between all reads that come while it is in use. Each read is sent at once and waits for its own answer,
 * which saves CPU time on both sides. If the connection is lost, or a slow read delays the others, each read is repeated on its
 * own connection. So a read may run twice: use this only for short statements that write nothing.
 */
export function createTurns<Client>(
  use: (work: (client: Client) => Promise<void>, deadlineMs: number) => Promise<void>,
  startDeadline: StartDeadline,
  isRefusal: (error: unknown) => boolean,
) {
  let turn: Turn<Client> | undefined;
  let aloneUntil = 0;

  function begin(deadlineMs: number): Turn<Client> {
    const lent = Promise.withResolvers<Client>();
    const over = Promise.withResolvers<void>();
    // If no connection is available, nothing else handles this rejection.
    over.promise.catch(() => {});
    const begun: Turn<Client> = {
      lent: lent.promise,
      isOpen: true,
      underWay: 0,
      end(error) {
        begun.isOpen = false;
        if (error === undefined) over.resolve();
        else over.reject(error);
      },
    };
    const work = async (client: Client) => {
      lent.resolve(client);
      const endJoining = startDeadline(joinWithinMs, () => {
        begun.isOpen = false;
      });
      const endWaiting = startDeadline(slowAfterMs, () => {
        aloneUntil = performance.now() + aloneForMs;
        begun.end(new DeadlineError(slowAfterMs));
      });
      try {
        await over.promise;
      } finally {
        endJoining();
        endWaiting();
      }
    };
    use(work, deadlineMs).catch(lent.reject);
    return begun;
  }

  /** Runs the read on the shared connection, and `alone` if that fails. @throws the server's refusal */
  return async function share<T>(
    read: (client: Client) => Promise<T>,
    alone: (deadlineMs: number) => Promise<T>,
    deadlineMs: number,
  ): Promise<T> {
    const start = performance.now();
    if (start < aloneUntil) return alone(deadlineMs);
    if (!turn?.isOpen) turn = begin(deadlineMs);
    const joined = turn;
    joined.underWay++;
    try {
      return await read(await joined.lent);
    } catch (error) {
      if (isRefusal(error)) throw error;
      joined.end(error);
    } finally {
      joined.underWay--;
      if (joined.underWay === 0) joined.end();
    }
    return alone(deadlineMs - (performance.now() - start));
  };
}
