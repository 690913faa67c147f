import { ConnectionError } from "./errors.ts";

/** One message of a stream of server-sent events. `id` is the last id that was sent, perhaps by an earlier message. */
export type ServerEvent = { event: string; data: string; id: string };

/** The most characters of a line, and of an event's data. Events of this API are shorter. */
const maxLine = 1024 * 1024;

/** Parses text in chunks of any size and gives the complete events, as in the HTML standard, 9.2.6. */
export class EventParser {
  #rest = "";
  #data: string[] = [];
  #size = 0;
  #event = "";
  #id: string;
  #endedWithReturn = false;
  /** The delay before a reconnect that the server asks for, in milliseconds. */
  retryMs: number | null = null;

  constructor(lastEventId = "") {
    this.#id = lastEventId;
  }

  /** @throws ConnectionError when a line or an event is too long */
  push(text: string): ServerEvent[] {
    // \r\n may arrive in two chunks.
    const joined = this.#endedWithReturn && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") this.#endedWithReturn = text.endsWith("\r");
    const lines = joined.split(/\r\n|\r|\n/);
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > maxLine) throw tooLong();
    return lines.flatMap((line) => this.#take(line) ?? []);
  }

  #take(line: string): ServerEvent | undefined {
    if (line === "") return this.#end();
    if (line.length > maxLine) throw tooLong();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "data") {
      this.#size += value.length + 1;
      if (this.#size > maxLine) throw tooLong();
      this.#data.push(value);
    } else if (field === "event") this.#event = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d{1,9}$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  #end(): ServerEvent | undefined {
    const [data, event] = [this.#data, this.#event];
    this.#data = [];
    this.#size = 0;
    this.#event = "";
    if (data.length === 0) return undefined;
    return { event: event || "message", data: data.join("\n"), id: this.#id };
  }
}

const tooLong = () => new ConnectionError("The server sent an event that is too long.");
