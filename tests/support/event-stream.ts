import { eventsOf } from "./contract/check.ts";

export type StreamEvent = ReturnType<typeof eventsOf>[number];

/** A reader of server-sent events. `close` ends the connection. */
export class EventStream {
  readonly response: Response;
  readonly events: StreamEvent[] = [];
  #text = "";
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  readonly #controller: AbortController;

  private constructor(response: Response, controller: AbortController) {
    this.response = response;
    this.#controller = controller;
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const controller = new AbortController();
    const response = await fetch(url, { headers, signal: controller.signal });
    return new EventStream(response, controller);
  }

  get text(): string {
    return this.#text;
  }

  /** The states of `status` events, and the names of other events. */
  get words(): string[] {
    return this.events.map(({ event, data }) => (event === "status" ? data.status : event));
  }

  get lastId(): string {
    return this.events.findLast(({ id }) => id !== undefined)?.id ?? "";
  }

  /** Reads until an event has this word. */
  async until(word: string): Promise<StreamEvent> {
    for (;;) {
      const found = this.events[this.words.indexOf(word)];
      if (found !== undefined) return found;
      if (!(await this.#more())) throw new Error(`The stream ended before ${word}: ${this.#text}`);
    }
  }

  /** Reads to the end. */
  async rest(): Promise<StreamEvent[]> {
    while (await this.#more());
    return this.events;
  }

  close(): void {
    this.#controller.abort();
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    this.#text += this.#decoder.decode(value, { stream: !done });
    this.events.splice(0, this.events.length, ...eventsOf(this.#text));
    return !done;
  }
}
