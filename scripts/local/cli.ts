import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { Problem } from "./problem.ts";
import { repositoryRoot } from "./settings.ts";
import { whyOf } from "./why.ts";

const run = promisify(execFile);

/**
 * Runs the Supabase CLI on this checkout's migrations; throws a `Problem` with the line that says why. The CLI reads every
 * `.env` of its folder, so it runs in an empty one, without the caller's environment.
 */
export async function runCli(args: string[], password = ""): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-cli-"));
  try {
    mkdirSync(join(folder, "supabase"));
    writeFileSync(join(folder, "supabase", "config.toml"), 'project_id = "cloud-api"\n');
    symlinkSync(
      join(repositoryRoot, "supabase", "migrations"),
      join(folder, "supabase", "migrations"),
      "junction",
    );
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      // Not in the address, because everybody can read the list of processes.
      PGPASSWORD: password,
      DO_NOT_TRACK: "1",
      SUPABASE_TELEMETRY_DISABLED: "1",
      SUPABASE_NO_UPDATE_NOTIFIER: "1",
      NO_COLOR: "1",
    };
    await run(cliBinary(), [...args, `--workdir=${folder}`], { cwd: folder, env });
  } catch (error) {
    if (error instanceof Problem) throw error;
    const { stderr = "", stdout = "" } = error as { stderr?: string; stdout?: string };
    throw new Problem(`supabase ${args.slice(0, 2).join(" ")} failed: ${whyOf(`${stdout}\n${stderr}`)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
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
