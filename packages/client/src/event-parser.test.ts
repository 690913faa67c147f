import fc from "fast-check";
import { expect, test } from "vitest";
import { ConnectionError, TimeoutError } from "./errors.ts";
import { EventParser, type ServerEvent } from "./event-parser.ts";
import { all } from "./testing/server.ts";
import { textOf } from "./text-of.ts";

const parse = (...pieces: string[]) => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
};
const event = (data: string, event = "message", id = ""): ServerEvent => ({ event, data, id });

test.each<[name: string, text: string, events: ServerEvent[]]>([
  ["one event", "event: status\nid: 1\ndata: {}\n\n", [event("{}", "status", "1")]],
  ["data of several lines", "data: a\ndata:b\ndata:  c\n\n", [event("a\nb\n c")]],
  [
    "lines that end with CR or CRLF",
    "data: a\r\n\r\ndata: b\r\rdata: c\n\n",
    [event("a"), event("b"), event("c")],
  ],
  ["comments", ": hello\n\n:\n\ndata: a\n:\n\n", [event("a")]],
  ["an event without data", "event: status\nid: 7\n\ndata: a\n\n", [event("a", "message", "7")]],
  [
    "an id that applies to the next event too",
    "id: 7\ndata: a\n\ndata: b\n\n",
    [event("a", "message", "7"), event("b", "message", "7")],
  ],
  ["an id that is reset", "id: 7\ndata: a\n\nid\ndata: b\n\n", [event("a", "message", "7"), event("b")]],
  ["an id with a null", "id: 7\0\ndata: a\n\n", [event("a")]],
  ["a field without a colon and an unknown field", "data\nfield: x\n\n", [event("")]],
  ["an incomplete event", "data: a\n\ndata: b\n", [event("a")]],
])("the parser reads %s as the standard says", (_, text, events) => {
  expect(parse(text)).toEqual(events);
});

test("the parser reads a valid `retry` field and ignores an invalid one", () => {
  const parser = new EventParser();
  parser.push("retry: soon\nretry: 99999999999\n");
  expect(parser.retryMs).toBeNull();
  parser.push("retry: 2500\n");
  expect(parser.retryMs).toBe(2500);
});

const field = fc.constantFrom("data", "event", "id", "retry", "", "x");
const value = fc.string({ unit: fc.constantFrom("a", "é", "💡", ":", " ", "1", "\0"), maxLength: 8 });
const line = fc.oneof(
  fc.tuple(field, fc.constantFrom(":", ": ", ""), value).map((parts) => parts.join("")),
  fc.constant(""),
  value,
);
const ending = fc.constantFrom("\n", "\r\n", "\r");
const streams = fc.array(fc.tuple(line, ending), { maxLength: 40 });

test("the parser gives the same events however the stream is cut into chunks", () => {
  fc.assert(
    fc.property(streams, fc.array(fc.nat(300), { maxLength: 20 }), (lines, cuts) => {
      const text = lines.flat().join("");
      const places = [0, ...cuts.map((cut) => cut % (text.length + 1)).sort((a, b) => a - b), text.length];
      const pieces = places.slice(1).map((place, at) => text.slice(places[at], place));
      expect(parse(...pieces)).toEqual(parse(...text));
      expect(parse(...pieces)).toEqual(parse(text));
    }),
    { numRuns: 1_000 },
  );
});

test("the parser throws when a line or an event is larger than its limit", () => {
  const endless = "x".repeat(1024 * 1024);
  expect(() => parse(endless, endless)).toThrow(ConnectionError);
  const lines = Array.from({ length: 20 }, () => `data: ${"x".repeat(100_000)}\n`);
  expect(() => parse(...lines)).toThrow(ConnectionError);
  expect(() => parse(`data: ${endless}\n`)).toThrow(ConnectionError);
});

const bodyOf = (pieces: Uint8Array[], then: "ends" | "stays" | "breaks") => {
  const seen = { canceled: false };
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece !== undefined) controller.enqueue(piece);
      else if (then === "ends") controller.close();
      else if (then === "breaks") controller.error(new TypeError("cut"));
    },
    cancel() {
      seen.canceled = true;
    },
  });
  return { body, seen };
};
const forever = () => Number.POSITIVE_INFINITY;

test("a character whose bytes arrive in two chunks is decoded correctly", async () => {
  const bytes = new TextEncoder().encode("💡é");
  const { body } = bodyOf([bytes.slice(0, 3), bytes.slice(3, 5), bytes.slice(5)], "ends");
  expect((await all(textOf(body, forever, undefined))).join("")).toBe("💡é");
});

test("a broken stream is a ConnectionError, and a silent one is a TimeoutError that closes the connection", async () => {
  const broken = bodyOf([], "breaks");
  await expect(all(textOf(broken.body, forever, undefined))).rejects.toThrow(ConnectionError);
  const silent = bodyOf([new Uint8Array([97])], "stays");
  await expect(all(textOf(silent.body, () => 20, undefined))).rejects.toThrow(TimeoutError);
  expect(silent.seen.canceled).toBe(true);
});

test("a reader who stops or aborts closes the connection", async () => {
  const stopped = bodyOf([new Uint8Array([97])], "stays");
  for await (const text of textOf(stopped.body, forever, undefined)) if (text === "a") break;
  expect(stopped.seen.canceled).toBe(true);
  const aborted = bodyOf([], "stays");
  const controller = new AbortController();
  const reading = all(textOf(aborted.body, forever, controller.signal));
  const reason = new Error("the user left");
  controller.abort(reason);
  await expect(reading).rejects.toBe(reason);
  expect(aborted.seen.canceled).toBe(true);
});
