import { execFileSync } from "node:child_process";

/** Debian's package `prometheus` has it; null where it is not installed. */
export const promtool = find();

function find(): string | null {
  try {
    return execFileSync("which", ["promtool"], { encoding: "utf8" }).trim();
  } catch {
    console.warn("Not run: what promtool checks. It is not here (Debian: apt-get install prometheus).");
    return null;
  }
}

/** What it says, on either channel, whether it is content or not. */
export function runPromtool(args: string[], input = ""): { content: boolean; says: string } {
  try {
    const says = execFileSync(promtool ?? "promtool", args, { input, encoding: "utf8", stdio: "pipe" });
    return { content: true, says };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return { content: false, says: `${stdout}${stderr}` };
  }
}
