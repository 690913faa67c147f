import { closeSync, ftruncateSync, openSync, readSync, statSync } from "node:fs";

const everyMs = 200;
const pieceBytes = 256 * 1024;

/**
 * Passes each new line of a log to `tell`. Truncates a log of more than `maxBytes`, so that it cannot fill the disk.
 * `stop` passes on the rest.
 */
export function followLog(path: string, tell: (line: string) => void, maxBytes = 50_000_000) {
  const sizeNow = () => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  let at = sizeNow();
  let rest = "";
  const look = () => {
    const size = sizeNow();
    // The log was truncated.
    if (size < at) at = 0;
    if (size === at) return;
    const file = openSync(path, "r+");
    try {
      const piece = Buffer.alloc(pieceBytes);
      for (;;) {
        const count = readSync(file, piece, 0, pieceBytes, at);
        if (count === 0) break;
        at += count;
        const lines = (rest + piece.toString("utf8", 0, count)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (line !== "") tell(line);
      }
      if (at > maxBytes) {
        ftruncateSync(file, 0);
        at = 0;
      }
    } finally {
      closeSync(file);
    }
  };
  const timer = setInterval(look, everyMs).unref();
  const stop = () => {
    clearInterval(timer);
    look();
  };
  return { look, stop };
}
