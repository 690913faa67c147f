import { expect, test } from "vitest";
import { fill, hoursIn, languageCodes, languages } from "./languages.ts";

/** Each text with its path, such as `mails.verification.notes.0`. */
function textsOf(value: unknown, way = ""): [way: string, text: string][] {
  if (typeof value === "string") return [[way, value]];
  return Object.entries(value as object).flatMap(([key, part]) => textsOf(part, way ? `${way}.${key}` : key));
}
const placeholdersIn = (text: string) => text.match(/\{\w*\}?/g)?.sort() ?? [];
const english = textsOf(languages.en);

test.each(languageCodes)(
  "the mail texts in %s are complete, with the same placeholders as in English",
  (code) => {
    const texts = textsOf(languages[code]);
    expect(texts.map(([way]) => way)).toEqual(english.map(([way]) => way));
    for (const [at, [way, text]] of texts.entries()) {
      expect([way, placeholdersIn(text)]).toEqual([way, placeholdersIn(english[at]?.[1] ?? "")]);
      expect([way, text.trim()]).toEqual([way, text]);
      expect(text).not.toBe("");
    }
  },
);

test.each(languageCodes.filter((code) => code !== "en"))("no mail text in %s is still English", (code) => {
  const same = textsOf(languages[code]).filter(([, text], at) => text === english[at]?.[1]);
  expect(same).toEqual([]);
});

test("the mail texts contain only the placeholders {app}, {duration} and {email}", () => {
  const placeholders = new Set(english.flatMap(([, text]) => placeholdersIn(text)));
  expect([...placeholders].sort()).toEqual(["{app}", "{duration}", "{email}"]);
});

test("a value that looks like a placeholder or like `$&` is inserted as it is", () => {
  expect(fill("{app} / {duration}", { app: "{duration} $& $1", duration: "1 hour" })).toBe(
    "{duration} $& $1 / 1 hour",
  );
});

test.each([
  ["en", "24 hours", "1 hour"],
  ["de", "24 Stunden", "1 Stunde"],
  ["fr", "24\u00a0heures", "1\u00a0heure"],
  ["es", "24 horas", "1 hora"],
  ["pt", "24 horas", "1 hora"],
  ["ja", "24 時間", "1 時間"],
] as const)("the duration of a day and an hour in %s is %s and %s", (code, day, hour) => {
  expect([hoursIn(code, 24), hoursIn(code, 1)]).toEqual([day, hour]);
});
