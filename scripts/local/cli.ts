import { execFile } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { nativeFolder, nativePlatform } from "./native-folder.ts";
import { Problem } from "./problem.ts";
import { inScratch } from "./scratch.ts";
import { repositoryRoot } from "./settings.ts";
import { whyOf } from "./why.ts";

/**
 * Runs the Supabase CLI on this checkout's migrations. It throws a `Problem` with the reason. The CLI reads every `.env`
 * of its folder, so it runs in an empty one, without the caller's environment.
 */
export function runCli(args: string[]): Promise<void> {
  const native = `@supabase/cli-${nativePlatform}`;
  const program = join(nativeFolder("supabase", native, `${native}-musl`), "bin", "supabase");
  return inScratch(async (folder) => {
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
      DO_NOT_TRACK: "1",
      SUPABASE_TELEMETRY_DISABLED: "1",
      SUPABASE_NO_UPDATE_NOTIFIER: "1",
      NO_COLOR: "1",
    };
    try {
      await promisify(execFile)(program, [...args, `--workdir=${folder}`], { cwd: folder, env });
    } catch (error) {
      const { stderr = "", stdout = "" } = error as { stderr?: string; stdout?: string };
      throw new Problem(`supabase ${args.slice(0, 2).join(" ")} failed: ${whyOf(`${stdout}\n${stderr}`)}`);
    }
  });
}
