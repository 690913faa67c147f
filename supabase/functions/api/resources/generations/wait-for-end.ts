import type { GenerationRow } from "./store.ts";

const pollMs = 500;

/** Reads until the generation has ended, `waitSeconds` are over, or the caller hung up. */
export async function waitForEnd(
  c: { req: { raw: Request } },
  waitSeconds: number,
  read: () => Promise<GenerationRow>,
): Promise<GenerationRow> {
  const deadline = Date.now() + waitSeconds * 1000;
  let row = await read();
  while (
    (row.status === "pending" || row.status === "processing") &&
    Date.now() + pollMs <= deadline &&
    !c.req.raw.signal.aborted
  ) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    row = await read();
  }
  return row;
}
