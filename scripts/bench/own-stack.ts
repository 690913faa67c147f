import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreeBase } from "../local/ports.ts";
import { portsFrom } from "../local/settings.ts";
import { openStack } from "../local/stack-child.ts";

/** `npm start` on free ports, with its data in this folder, or in a new one that is removed with it. */
export async function openOwnStack(folder?: string) {
  const base = await findFreeBase();
  const data = folder ?? mkdtempSync(join(tmpdir(), "cloud-api-own-"));
  const clean = () => {
    if (folder === undefined) rmSync(data, { recursive: true, force: true });
  };
  try {
    const { stack, stop } = await openStack(["--port", String(base), "--data", data]);
    const { operator_key } = stack.credentials;
    return { ports: portsFrom(base), operator_key, stop: () => stop().finally(clean) };
  } catch (error) {
    clean();
    throw error;
  }
}
