import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreeBase } from "../local/ports.ts";
import { Problem } from "../local/problem.ts";
import { pathsFor, repositoryRoot } from "../local/settings.ts";
import { openStack } from "../local/stack-child.ts";
import { progress } from "./progress.ts";

/** The named stack, or a new one for this run. */
export async function findStack(port: number | undefined) {
  if (port !== undefined) return { port, operator_key: operatorKeyOf(port), stop: () => {} };
  progress("Starting a stack …");
  const own = await findFreeBase();
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-bench-"));
  const clean = () => rmSync(folder, { recursive: true, force: true });
  const { stack, stop } = await openStack(["--port", String(own), "--data", folder]).catch((error) => {
    clean();
    throw error;
  });
  return { port: own, operator_key: stack.credentials.operator_key, stop: () => stop().finally(clean) };
}

function operatorKeyOf(port: number): string {
  if (process.env.CLOUD_API_OPERATOR_KEY) return process.env.CLOUD_API_OPERATOR_KEY;
  const { credentials } = pathsFor(join(repositoryRoot, ".local", String(port)));
  try {
    return (JSON.parse(readFileSync(credentials, "utf8")) as { operator_key: string }).operator_key;
  } catch {
    throw new Problem(
      `No operator key for port ${port}: start the stack there, or set CLOUD_API_OPERATOR_KEY.`,
    );
  }
}
