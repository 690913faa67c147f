import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { countExecutedBlocks } from "../../../tests/support/count-executed-blocks.ts";
import { readMultipart } from "./multipart.ts";

const limits = { parts: 25, fieldBytes: 32_000, totalBytes: 52_000_000 };
const scripts = /busboy|functions\/api\/(multipart|delimiter-search)/;
const bytesOf = (text: string) => Buffer.from(text, "latin1");
type Part = { name: string; filename?: string; content: Uint8Array };

async function* cut(body: Uint8Array, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < body.length; turn++) {
    const size = sizes[turn % sizes.length] ?? body.length;
    yield body.subarray(at, at + size);
    at += size;
  }
}

async function parse(boundary: string, chunks: AsyncIterable<Uint8Array>): Promise<Part[]> {
  const found: Part[] = [];
  await readMultipart(`multipart/form-data; boundary="${boundary}"`, chunks, limits, {
    isFile: () => false,
    field: (name, value) => found.push({ name, content: Buffer.from(value) }),
    file: (name, filename) => {
      const pieces: Uint8Array[] = [];
      const end = () => found.push({ name, filename, content: Buffer.concat(pieces) });
      return { add: (chunk) => pieces.push(Buffer.from(chunk)), end };
    },
  });
  return found;
}

function write(boundary: string, parts: Part[]): Uint8Array {
  const written = parts.flatMap(({ name, filename, content }) => [
    bytesOf(
      `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? "" : `; filename="${filename}"`}\r\n\r\n`,
    ),
    content,
    bytesOf("\r\n"),
  ]);
  return Buffer.concat([...written, bytesOf(`--${boundary}--\r\n`)]);
}

const alphabet = "'()+_,-./:=? 0123456789ABCabc";
const boundary = fc
  .array(fc.constantFrom(...alphabet), { minLength: 1, maxLength: 70 })
  .map((all) => all.join(""))
  .filter((text) => !text.endsWith(" "));
/** Contents of bytes that occur in delimiters, so that many almost match. */
const nearMiss = (name: string) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom("\r\n--", `\r\n--${name.slice(0, -1)}`, "\r", "\n", "-", name[0] ?? "", "\0\xff"),
        fc.string({ maxLength: 9 }),
      ),
      { maxLength: 30 },
    )
    .map((all) => bytesOf(all.join("")))
    .filter((content) => !Buffer.concat([bytesOf("\r\n"), content]).includes(`\r\n--${name}`));

test("each part of a form is read as it was written, whatever its content and its chunks are", async () => {
  await fc.assert(
    fc.asyncProperty(
      boundary.chain((name) =>
        fc.tuple(
          fc.constant(name),
          fc.array(fc.tuple(fc.constantFrom("files", "a"), nearMiss(name)), { minLength: 1, maxLength: 4 }),
          fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 }),
        ),
      ),
      async ([name, contents, sizes]) => {
        const parts = contents.map(([field, content]) => ({ name: field, filename: "f", content }));
        expect(await parse(name, cut(write(name, parts), ...sizes))).toEqual(parts);
      },
    ),
    { numRuns: 200 },
  );
});

test("any bytes are either read or refused as malformed or too large", async () => {
  const fragment = fc.oneof(
    fc.constantFrom(
      "--x",
      "--x--",
      "\r\n",
      "--",
      "Content-Disposition: form-data; name=",
      '"a"',
      "; filename=",
      ":",
      " ",
      "\r",
      "\n",
      '"',
      "\\",
      "%zz",
      "filename*=UTF-8''%",
    ),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fragment, { maxLength: 60 }),
      fc.integer({ min: 1, max: 50 }),
      async (all, size) => {
        const outcome = await parse("x", cut(bytesOf(all.join("")), size)).then(
          () => "read",
          (error) => error.code,
        );
        expect(["read", "malformed_body", "payload_too_large"]).toContain(outcome);
      },
    ),
    { numRuns: 500 },
  );
});

test("a file in large chunks is handed on without a copy", async () => {
  const body = write("x", [{ name: "f", filename: "f", content: Buffer.alloc(500_000, "\rab") }]);
  const chunks = [...Array(8)].map((_, at) => Uint8Array.from(body.subarray(at * 65_536, (at + 1) * 65_536)));
  let same = 0;
  await readMultipart(
    "multipart/form-data; boundary=x",
    (async function* () {
      yield* chunks;
    })(),
    limits,
    {
      isFile: () => false,
      field: () => {},
      file: () => ({
        add: (piece) => {
          if (chunks.some(({ buffer }) => buffer === piece.buffer)) same += piece.length;
        },
        end: () => {},
      }),
    },
  );
  expect(same).toBeGreaterThan(499_000);
});

describe("work of the parser", () => {
  const B = "B".repeat(70);
  const filled = (unit: string, bytes: number) => Buffer.alloc(bytes, unit, "latin1");
  test.each<[string, string, string]>([
    ["the letter of the boundary", B, "B"],
    ["delimiters with a wrong last letter", B, `\r\n--${B.slice(1)}C`],
    ["beginnings of delimiters", B, "\r\n--"],
    ["carriage returns", "x", "\r"],
    ["zeros", "x", "\0"],
  ])("the parser's work is linear for a file of %s", async (_name, name, unit) => {
    const work = (bytes: number) =>
      countExecutedBlocks(scripts, () =>
        parse(name, cut(write(name, [{ name: "f", filename: "f", content: filled(unit, bytes) }]), 65_536)),
      );
    const steps = await work(1_000_000);
    expect(steps).toBeGreaterThan(100);
    expect(steps).toBeLessThan(8 * 1_000_000);
  });

  test("the parser's work is linear for a body in chunks of one byte", async () => {
    const body = write("x", [{ name: "f", filename: "f", content: filled("a", 200_000) }]);
    const small = await countExecutedBlocks(scripts, () => parse("x", cut(body, 1)));
    expect(small).toBeLessThan(12 * body.length);
  });

  test("the parser's work is less than one step a byte for endless headers", async () => {
    const body = bytesOf(`--x\r\n${"X-Header: y\r\n".repeat(40_000)}\r\nA\r\n--x--\r\n`);
    const work = await countExecutedBlocks(scripts, () => parse("x", cut(body, 65_536)).catch(() => {}));
    expect(work).toBeLessThan(body.length);
  });
});
