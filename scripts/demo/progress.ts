import type { WriteStream } from "node:tty";

const frames = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

/** Prints each step as a line with its result and its time. A spinner and colours on a terminal, plain lines elsewhere. */
export class Progress {
  readonly #out: NodeJS.WritableStream;
  readonly #live: boolean;
  readonly #started = performance.now();
  #spinner: NodeJS.Timeout | undefined;

  constructor(out: NodeJS.WritableStream & Partial<WriteStream>) {
    this.#out = out;
    this.#live = out.isTTY === true && !process.env.NO_COLOR;
  }

  /** Runs one step. Its result's `told` is shown behind the name. */
  async step<T extends { told: string }>(name: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    this.#spin(name, start);
    try {
      const result = await work();
      this.stop();
      this.#line("✓", 32, `${name}  ${this.#paint(2, result.told)}`, performance.now() - start);
      return result;
    } catch (error) {
      this.stop();
      this.#line("✗", 31, name, performance.now() - start);
      throw error;
    }
  }

  finish(sentence: string): void {
    this.#out.write(
      `\n${this.#paint(1, sentence)}\nDone after ${seconds(performance.now() - this.#started)}.\n`,
    );
  }

  /** Clears the line of a step that is under way. */
  stop(): void {
    if (this.#spinner === undefined) return;
    clearInterval(this.#spinner);
    this.#spinner = undefined;
    this.#out.write("\r\u001b[K");
  }

  #spin(name: string, start: number): void {
    if (!this.#live) return;
    let frame = 0;
    this.#spinner = setInterval(() => {
      frame = (frame + 1) % frames.length;
      this.#out.write(
        `\r\u001b[K${this.#paint(36, frames[frame] ?? "")} ${name}  ${seconds(performance.now() - start)}`,
      );
    }, 80);
  }

  #line(mark: string, colour: number, text: string, ms: number): void {
    this.#out.write(`${this.#paint(colour, mark)} ${seconds(ms).padStart(7)}  ${text}\n`);
  }

  #paint(code: number, text: string): string {
    return this.#live ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
