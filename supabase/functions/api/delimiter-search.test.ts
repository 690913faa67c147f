import fc from "fast-check";
import { expect, test } from "vitest";
import { delimiterSearch, withDelimiterSearch } from "./delimiter-search.ts";

const bytesOf = (text: string) => Buffer.from(text, "latin1");
const boundary = fc
  .array(fc.constantFrom(..."-'()+_Bb1"), { minLength: 1, maxLength: 70 })
  .map((all) => all.join(""));

test("a delimiter is found at the index that Buffer.indexOf gives, from every start", () => {
  fc.assert(
    fc.property(
      boundary.chain((name) => {
        const fragments = [
          `\r\n--${name}`,
          `\r\n--${name.slice(0, -1)}`,
          "\r\n",
          "\r",
          "-",
          name,
          "x",
          "\0\xff",
        ];
        return fc.tuple(fc.constant(name), fc.array(fc.constantFrom(...fragments), { maxLength: 30 }));
      }),
      fc.nat({ max: 200 }),
      ([name, fragments], from) => {
        const [bytes, delimiter] = [bytesOf(fragments.join("")), bytesOf(`\r\n--${name}`)];
        expect(withDelimiterSearch(name)(bytes).indexOf(delimiter, from)).toBe(
          bytes.indexOf(delimiter, from),
        );
      },
    ),
    { numRuns: 2_000 },
  );
});

test("other bytes and texts are found as in every Buffer, and the chunk is not copied", () => {
  const bytes = bytesOf("one\r\n\r\ntwo");
  const searchable = withDelimiterSearch("x")(bytes.subarray(1));
  expect(searchable.indexOf("\r\n\r\n")).toBe(2);
  expect(searchable.indexOf(bytesOf("two"), 3)).toBe(6);
  expect(searchable.indexOf("two", 7)).toBe(-1);
  expect(searchable.buffer).toBe(bytes.buffer);
});

const size = 200_000;
test.each<[string, string, number]>([
  ["bytes that no delimiter has", "zyx", size / 70],
  ["the letter of the boundary", "B", 3 * size],
  ["delimiters but for their last letter", `\r\n--${"B".repeat(69)}C`, 3 * size],
  ["delimiters but for their first letter", `\n--${"B".repeat(70)}`, 3 * size],
  ["beginnings of delimiters", "\r\n--", 3 * size],
])("a search through 200,000 bytes of %s reads no more bytes than its bound", (_name, unit, most) => {
  const bytes = Buffer.alloc(size, unit, "latin1");
  let looks = 0;
  const watched = new Proxy(bytes, {
    get: (target, key) => {
      looks++;
      return Reflect.get(target, key);
    },
  });
  expect(delimiterSearch(bytesOf(`\r\n--${"B".repeat(70)}`))(watched, 0)).toBe(-1);
  expect(looks).toBeGreaterThan(size / 80);
  expect(looks).toBeLessThan(most);
});
