import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { documentOfReference } from "../../scripts/docs/samples.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";

type Operation = { operationId: string; "x-codeSamples"?: { source: string }[] };
const document = documentOfReference(
  JSON.parse(readFileSync(join(repositoryRoot, "docs", "openapi.json"), "utf8")),
);
const operations = Object.values<Record<string, Operation>>(document.paths).flatMap(Object.values<Operation>);

test("every SDK sample of the API reference compiles against the SDK in strict mode", () => {
  const client = join(repositoryRoot, "packages", "client", "src", "index.ts");
  const sources = new Map(
    operations.flatMap(({ operationId, "x-codeSamples": samples = [] }) =>
      samples.map(({ source }) => [
        join(repositoryRoot, "tests", "unit", `${operationId}.sample.mts`),
        source,
      ]),
    ),
  );
  expect(sources.size).toBeGreaterThan(60);
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    allowImportingTsExtensions: true,
    types: ["node"],
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"],
    paths: { "@devkit4ai/client": [client] },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (name) => sources.has(name) || fileExists(name);
  host.readFile = (name) => sources.get(name) ?? readFile(name);
  host.getSourceFile = (name, ...rest) => {
    const source = sources.get(name);
    return source === undefined ? getSourceFile(name, ...rest) : ts.createSourceFile(name, source, rest[0]);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  const problems = [...sources.keys()].flatMap((name) => {
    const file = program.getSourceFile(name);
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  });
  expect(problems.map(({ file, messageText }) => [file?.fileName, messageText])).toEqual([]);
});

test("an SDK sample shows a list as a loop, and any other operation as one call", () => {
  const sampleOf = (id: string) =>
    operations
      .find(({ operationId }) => operationId === id)
      ?.["x-codeSamples"]?.[0]?.source.split("\n")
      .slice(3)
      .join("\n");
  expect(sampleOf("users.list")).toMatch(
    /^for await \(const item of client\.users\.list\("[0-9a-f-]{36}"\)\) console\.log\(item\);$/,
  );
  expect(sampleOf("auth.me")).toBe("const answer = await client.auth.me();");
});
