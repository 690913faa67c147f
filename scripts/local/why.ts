/** Lines that explain why a program failed. */
const reasonPattern =
  /^(?:error|fatal|panic|uncaught|unhandled)\b|^failed to\b|^\w*(?:Error|Exception)\b|\b(?:ERROR|FATAL|PANIC):/i;
/** Frames of a stack, quoted source with its marks, and other noise around a failure. */
const noisePattern = /^at\s|^[\^~]+$|^\d+\s*\||^(?:throw|node:internal)\b|^Node\.js v|^Try rerunning/i;

const mostCharacters = 300;

/** The line of a program's output that says why it failed, without its stack, its source and its colours. */
export function whyOf(output: string): string {
  const lines = output
    .slice(-20_000)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one.
    .replace(/\u001b\[[\d;]*m/g, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !noisePattern.test(line));
  const found = lines.findLastIndex((each) => reasonPattern.test(each));
  const line = lines.at(found) ?? "";
  // A heading; the reason is on the next line.
  const more = found >= 0 && line.endsWith(":") ? (lines[found + 1] ?? "") : "";
  return `${line} ${more}`.trim().slice(0, mostCharacters);
}
