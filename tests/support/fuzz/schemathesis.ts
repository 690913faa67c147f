import { join } from "node:path";
import { ROOT } from "../../../scripts/local/settings.ts";
import { runCommand } from "../../../scripts/run-command.ts";
import { type CallerName, Callers, type Target } from "./callers.ts";

const version = "4.32.5";
/** What holds for every API. Left out: that a schema alone tells what is valid (an end in the past is not), and who may call what. */
const checks = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "use_after_free",
];
/** They end the credentials that the whole run is made with, or serve only whoever has another secret. */
const excluded = [
  "auth.logout",
  "auth.deleteMe",
  "sessions.revoke",
  "projects.delete",
  "users.delete",
  "developerKeys.revoke",
];

/** Installs the tool from PyPI into the folder and runs it as four kinds of callers. @returns whether it found something. */
export async function schemathesis(target: Target, folder: string): Promise<boolean> {
  const bin = join(folder, "venv", "bin");
  const steps: [string, string[]][] = [
    ["python3", ["-m", "venv", join(folder, "venv")]],
    [join(bin, "pip"), ["install", "--quiet", "--disable-pip-version-check", `schemathesis==${version}`]],
  ];
  for (const [command, args] of steps) {
    const { code } = await runCommand(command, args, true);
    if (code !== 0) throw new Error(`${command} failed: --schemathesis needs Python 3.10 and PyPI`);
  }
  // It leaves its notes in the folder that it runs in.
  const callers = await Callers.make(target);
  let failed = false;
  for (const name of ["nobody", "end user", "developer", "operator"] satisfies CallerName[]) {
    await callers.ensure();
    console.log(`\nAs ${name}`);
    const headers = Object.entries(callers.headersOf(name)).flatMap(([key, value]) => [
      "-H",
      `${key}: ${value}`,
    ]);
    const args = [
      [
        "run",
        join(ROOT, "docs", "openapi.json"),
        "--url",
        target.base,
        "--workers",
        "2",
        "--max-examples",
        "20",
      ],
      ["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--checks", checks.join(",")],
      [
        "--request-timeout",
        "20",
        "--warnings",
        "off",
        "--max-redirects",
        "0",
        "--generation-database",
        "none",
      ],
      excluded.flatMap((id) => ["--exclude-operation-id", id]),
      headers,
    ].flat();
    failed = (await runCommand(join(bin, "st"), args, true, folder)).code !== 0 || failed;
  }
  return failed;
}
