import fc from "fast-check";

const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);

/** Texts that break naive code: SQL, HTML, templates, paths, control characters, lone surrogates, long texts. */
const texts = [
  "",
  " ",
  "null",
  "undefined",
  "NaN",
  "-1",
  "1e309",
  "9".repeat(40),
  "0x10",
  "true",
  "' or '1'='1' --",
  "'; drop table public.users; --",
  '" union select key_hash from public.api_keys --',
  "%27%20or%201=1",
  "$1",
  "%",
  "_%\\",
  "\\",
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "{{7*7}}$" + "{7*7}<%=7*7%>",
  "../../../etc/passwd",
  "..%2f..%2f",
  "%00",
  "%zz",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udc00\ud800",
  "\ufeff",
  "\ufffe\uffff",
  "\u202Egnp.exe",
  "ｆｕｌｌ＠ｗｉｄｔｈ",
  "e\u0301\u0301\u0301",
  `e${"\u0301\u0316".repeat(500)}`,
  "ﷺ".repeat(200),
  "👩‍👩‍👧‍👦".repeat(40),
  "\r\nX-Injected: yes",
  "a\tb\u0007\u001b[31m",
  "Ω≈ç√∫˜µ",
  "__proto__",
  "constructor",
  "00000000-0000-0000-0000-000000000000",
  "00000000-0000-4000-8000-00000000000g",
  "2026-02-30T25:61:61Z",
  "+275760-09-13T00:00:00Z",
  "http://169.254.169.254/latest/meta-data",
  "file:///etc/passwd",
  "javascript:alert(1)",
  "x".repeat(300),
  "x".repeat(20_000),
];

export const nastyText = fc.oneof(
  fc.constantFrom(...texts),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
);

export const nastyValue: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: nastyText },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      null,
      true,
      false,
      0,
      -1,
      1.5,
      1e308,
      -0,
      2 ** 31,
      2 ** 53 + 2,
      [],
      {},
      [null],
      [[]],
      [[[[[[]]]]]],
      { length: 1e9 },
      { toString: null },
    ),
  },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** Bodies that are not JSON, or that are hard to parse. */
export const nastyJson = fc.oneof(
  fc.constantFrom(
    "",
    " ",
    "{",
    "}",
    '{"a":1,}',
    "{'a':1}",
    "NaN",
    "null",
    "0",
    '"text"',
    "[]",
    "[{}]",
    "\ufeff{}",
    '{"__proto__":{"is_active":true}}',
    '{"constructor":{"prototype":{}}}',
    '{"email":1,"email":2}',
    '{"a":"\\ud800"}',
    '{"a":"\\u0000"}',
    deep("[", "]", 5_000),
    deep('{"a":', "}", 5_000),
    `{"a":${"9".repeat(5_000)}}`,
    `{"email":"${"a".repeat(70_000)}"}`,
  ),
  fc.string({ unit: "binary", maxLength: 60 }),
);

/** Header values without line breaks, since no HTTP client sends them. */
export const nastyHeader = nastyText.map((text) =>
  [...text]
    .filter((char) => /[\t\x20-\x7e\x80-\xff]/.test(char))
    .join("")
    .slice(0, 4_000),
);
