import { ApiError } from "../../../errors.ts";

type Waiter = { bytes: number; start: () => void };

/**
 * Bounds the memory of all requests. A request without room waits in order of arrival and does not read on, so its sender waits
 * too.
 */
export class ByteBudget {
  readonly #total: number;
  #used = 0;
  readonly #waiting: Waiter[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  /**
   * @returns a function that frees the bytes, to be called once
   * @throws ApiError overloaded when there is no room within `timeoutMs`
   */
  async take(bytes: number, timeoutMs = 60_000): Promise<() => void> {
    const wanted = Math.min(bytes, this.#total);
    const fits = this.#waiting.length === 0 && this.#used + wanted <= this.#total;
    if (fits) this.#used += wanted;
    else await this.#wait(wanted, timeoutMs);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#used -= wanted;
      this.#admit();
    };
  }

  #wait(bytes: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        bytes,
        start: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(new ApiError("overloaded", { retryAfterSeconds: 5 }));
        this.#admit();
      }, timeoutMs);
      this.#waiting.push(waiter);
    });
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.bytes > this.#total) return;
      this.#waiting.shift();
      this.#used += next.bytes;
      next.start();
    }
  }
}
