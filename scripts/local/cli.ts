import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Problem } from "./problem.ts";
import { ROOT } from "./settings.ts";

const run = promisify(execFile);

/** Runs the Supabase CLI on this checkout; throws a `Problem` with its last words. */
export async function runCli(args: string[]): Promise<void> {
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
    DO_NOT_TRACK: "1",
    SUPABASE_TELEMETRY_DISABLED: "1",
    SUPABASE_NO_UPDATE_NOTIFIER: "1",
    NO_COLOR: "1",
  };
  try {
    await run(cliBinary(), args, { cwd: ROOT, env });
  } catch (error) {
    const { stderr = "", stdout = "" } = error as { stderr?: string; stdout?: string };
    const output = `${stdout}\n${stderr}`.trim().split("\n").slice(-12).join("\n");
    throw new Problem(`supabase ${args.slice(0, 2).join(" ")} failed:\n${output}`);
  }
}

/** The platform's binary: it answers signals, and starts faster than the launcher. */
function cliBinary(): string {
  const launcher = createRequire(import.meta.url).resolve("supabase/package.json");
  const name = `@supabase/cli-${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  for (const suffix of ["", "-musl"]) {
    try {
      return join(
        dirname(createRequire(launcher).resolve(`${name}${suffix}/package.json`)),
        "bin",
        "supabase",
      );
    } catch {}
  }
  throw new Problem(`The Supabase CLI has no binary for ${process.platform} on ${process.arch}.`);
}
