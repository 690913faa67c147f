import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const mostWords = 30;

function files(folder: string, ending: RegExp): string[] {
  return readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => ending.test(name) && !/node_modules|dist\/|\.gen\.ts$/.test(name))
    .map((name) => join(folder, name));
}

/** Paragraphs, list items and table cells, without code and headings. */
function paragraphs(markdown: string): string[] {
  const text = markdown.replace(/^(```|~~~)[\s\S]*?^\1/gm, "\n").replace(/^ *#.*$/gm, "\n");
  const cells = text.match(/^ *\|.*$/gm)?.flatMap((row) => row.split("|")) ?? [];
  return [...text.replace(/^ *\|.*$/gm, "\n").split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)/), ...cells];
}

/** Comments at the beginning of a line. Line comments that follow each other are one comment. */
function comments(source: string): string[] {
  const isSql = /^create |^alter /m.test(source);
  const pattern = isSql ? /(?:^[ \t]*--[^\n]*\n)+/gm : /^[ \t]*\/\*\*[\s\S]*?\*\/|(?:^[ \t]*\/\/[^\n]*\n)+/gm;
  return [...source.matchAll(pattern)].map(([comment]) =>
    comment.replace(/^[ \t]*(\/\*\*|\*\/|\*|\/\/|--)|\*\/$/gm, "").replace(/@(throws|returns|param)/g, ". "),
  );
}

/** The texts of `comment on`, without the shapes of JSON and the lists of error codes. */
function databaseComments(sql: string): string[] {
  const texts = sql.matchAll(/^comment on [\s\S]*? is\s+((?:'(?:[^']|'')*'\s*)+);/gm);
  return Array.from(texts, ([, text = ""]) =>
    text
      .replace(/'\s*\n\s*'/g, "")
      .replace(/\[?\{.*\}\]?/g, "code")
      .replace(/Errors: .*/, ""),
  );
}

/** Inline code and an address count as one word each. A semicolon and a colon do not end a sentence. */
function sentences(text: string): string[] {
  return text
    .replace(/\]\([^)]*\)/g, "]")
    .replace(/`[^`]*`|https?:\/\/\S+/g, "code")
    .replace(/<[^>]*>/g, " ")
    .split(/[.!?…]["”’)*_\]]*(?:\s|$)/)
    .map((sentence) => sentence.trim().replace(/\s+/g, " "));
}

const countWords = (sentence: string) => sentence.match(/[\p{L}\p{N}][\p{L}\p{N}'’-]*/gu)?.length ?? 0;

function longSentences(list: string[], texts: (source: string) => string[]): string[] {
  return list.flatMap((file) =>
    texts(readFileSync(join(repositoryRoot, file), "utf8"))
      .flatMap(sentences)
      .filter((sentence) => countWords(sentence) > mostWords)
      .map((sentence) => `${file}: ${sentence}`),
  );
}

test(`no sentence of the guides has more than ${mostWords} words`, () => {
  const atRoot = ["README", "CONTRIBUTING", "SECURITY", "CHANGELOG", "CODE_OF_CONDUCT"].map(
    (name) => `${name}.md`,
  );
  const guides = ["docs", "examples", "packages/client"].flatMap((folder) => files(folder, /\.md$/));
  expect(longSentences([...guides, ...atRoot], paragraphs)).toEqual([]);
});

test(`no sentence of a comment has more than ${mostWords} words`, () => {
  const folders = [
    "scripts",
    "tests",
    "supabase/functions",
    "supabase/schemas",
    "packages/client",
    "examples",
  ];
  const sources = folders.flatMap((folder) => files(folder, /\.(ts|tsx|mjs|sql)$/));
  expect(longSentences(sources, comments)).toEqual([]);
});

test(`no sentence of a comment in the database has more than ${mostWords} words`, () => {
  const schemas = files("supabase/schemas", /\.sql$/);
  const count = schemas.flatMap((file) =>
    databaseComments(readFileSync(join(repositoryRoot, file), "utf8")),
  ).length;
  expect(count).toBeGreaterThan(400);
  expect(longSentences(schemas, databaseComments)).toEqual([]);
});
