import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

/** A file of the API, what it imports, and what the linter answers. */
const refused: [file: string, imported: string, sentence: string][] = [
  ["errors.ts", "./fields/text.ts", "A file at the root must not import from a folder."],
  ["router.ts", "./contract/errors.ts", "A file at the root must not import from a folder."],
  ["contract/errors.ts", "../fields/text.ts", "The contract may import only files at the root."],
  ["fields/text.ts", "../clients/database.ts", "Fields may import only files at the root."],
  [
    "clients/auth.ts",
    "../context.ts",
    "A client may import only files at the root, and nothing about requests.",
  ],
  ["clients/redis.ts", "hono", "A client may import only files at the root, and nothing about requests."],
  ["middleware/cors.ts", "../resources/auth/store.ts", "Middleware must not import"],
  ["mail/letter.ts", "../resources/auth/store.ts", "Mail must not import from resources or jobs"],
  ["pages/page.ts", "../resources/auth/store.ts", "Pages must not import from resources or jobs."],
  [
    "resources/auth/store.ts",
    "hono",
    "A store only calls SQL functions, and must not import anything about requests.",
  ],
  ["resources/auth/login.ts", "./logout.ts", "An endpoint must not import another endpoint"],
  ["resources/auth/logout.ts", "../projects/get-project.ts", "An endpoint must not import another endpoint"],
  ["resources/auth/me.ts", "../../jobs/remove-old.ts", "Resources must not import jobs or the app."],
  ["resources/auth/refresh.ts", "pg", "Only clients may import libraries of services."],
  [
    "resources/auth/sign-in/open-tokens.ts",
    "../login.ts",
    "Shared code of endpoints must not import an endpoint.",
  ],
];

const allowed: [file: string, imported: string][] = [
  ["clients/token-verifier.ts", "../errors.ts"],
  ["middleware/credentials.ts", "../fields/text.ts"],
  ["resources/auth/register.ts", "./store.ts"],
  ["resources/auth/verify-email.ts", "../users/schemas.ts"],
  ["resources/auth/change-email.ts", "./sign-in/check-password.ts"],
  ["resources/auth/change-password.ts", "../../errors.ts"],
  ["resources/auth/sign-in/spellings-of.ts", "../store.ts"],
  ["jobs/reconcile.ts", "../resources/auth/store.ts"],
];

type Diagnostic = { category: string; message: string; location: { path: string } };

/** The linter's findings in these files, with the configuration of this repository. */
function lint(files: Record<string, string>): Diagnostic[] {
  const folder = mkdtempSync(join(tmpdir(), "layers-"));
  try {
    cpSync(join(repositoryRoot, "biome.json"), join(folder, "biome.json"));
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        join(repositoryRoot, "node_modules/@biomejs/biome/bin/biome"),
        ...["lint", "--reporter=json", "--max-diagnostics=none", "--vcs-enabled=false", "."],
      ],
      { cwd: folder, encoding: "utf8" },
    );
    if (!stdout.startsWith("{")) throw new Error(stderr);
    return (JSON.parse(stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const api = (file: string) => `supabase/functions/api/${file}`;
const importing = (path: string) => `import { one } from "${path}";\n\nexport const two = one;\n`;

test("the linter refuses an import of a higher layer, and an import of one endpoint by another", () => {
  const files = [...refused, ...allowed].map(([file, path]) => [api(file), importing(path)] as const);
  const found = lint(Object.fromEntries(files))
    .filter(({ category }) => category === "lint/style/noRestrictedImports")
    .map(({ message, location }) => ({ path: location.path, message }));
  const expected = refused.map(([file, , sentence]) => ({
    path: api(file),
    message: expect.stringContaining(sentence),
  }));
  expect(found).toHaveLength(expected.length);
  expect(found).toEqual(expect.arrayContaining(expected));
});

test("the linter refuses files that import each other, even if they only share types", () => {
  const found = lint({
    "scripts/first.ts":
      'import type { Second } from "./second.ts";\n\nexport type First = { second: Second };\n',
    "scripts/second.ts":
      'import type { First } from "./first.ts";\n\nexport type Second = { first: First };\n',
  });
  expect(found.map(({ category }) => category)).toEqual(Array(2).fill("lint/suspicious/noImportCycles"));
});

test("the linter refuses `Deno` in every file of the API except index.ts", () => {
  const text = 'export const read = () => Deno.readTextFile("x");\n';
  const found = lint({ [api("errors.ts")]: text, [api("index.ts")]: text });
  const named = found.filter(({ category }) => category === "lint/style/noRestrictedGlobals");
  expect(named.map(({ location }) => location.path)).toEqual([api("errors.ts")]);
});
