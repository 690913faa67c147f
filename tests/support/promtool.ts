import { execFileSync } from "node:child_process";

/** The path of promtool, from Debian's package `prometheus`. Null when it is not installed. */
export const promtool = find();

function find(): string | null {
  try {
    return execFileSync("which", ["promtool"], { encoding: "utf8" }).trim();
  } catch {
    console.warn(
      "The checks of promtool do not run: promtool is not installed (Debian: apt-get install prometheus).",
    );
    return null;
  }
}

/** Runs promtool. `content` is whether it succeeded, and `says` is its output. */
export function runPromtool(args: string[], input = ""): { content: boolean; says: string } {
  try {
    const says = execFileSync(promtool ?? "promtool", args, { input, encoding: "utf8", stdio: "pipe" });
    return { content: true, says };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return { content: false, says: `${stdout}${stderr}` };
  }
}
