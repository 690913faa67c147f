import { version } from "../../supabase/functions/api/version.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { fixes } from "./fixes.ts";
import { ask } from "./target.ts";

/** The functions answer at every address that clients use, in the version of this checkout. */
export const checkFunction: Check = async ({ kind, base }) => {
  const live = await ask(`${base}/health`);
  if (live.status !== 200 || live.body.status !== "healthy")
    return [fail("function", `${base}/health: ${live.reason}`, fixes.functions[kind])];
  const findings: Finding[] = [ok("function", `answers at ${base}`)];
  if (live.body.version !== version)
    findings.push(
      warn(
        "function",
        `it is version ${live.body.version}, this checkout is ${version}`,
        fixes.functions[kind],
      ),
    );
  // A GET that is refused shows that the function exists, and creates nothing.
  const generation = await ask(`${base}/generation/generate-v2`);
  if (generation.status !== 405)
    findings.push(fail("function", `${base}/generation/…: ${generation.reason}`, fixes.functions[kind]));
  return findings;
};
