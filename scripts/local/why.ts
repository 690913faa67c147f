/** Lines that explain why a program failed. */
const reasonPattern =
  /^(?:error|fatal|panic|uncaught|unhandled)\b|^failed to\b|^\w*(?:Error|Exception)\b|\b(?:ERROR|FATAL|PANIC):/i;
/** Lines around a failure without a reason: stack frames, quoted source and its marks. */
const noisePattern = /^at\s|^[\^~]+$|^\d+\s*\||^(?:throw|node:internal)\b|^Node\.js v|^Try rerunning/i;

const mostCharacters = 300;

/** The line of a program's output that says why it failed, without stack, source and colors. */
export function whyOf(output: string): string {
  const lines = output
    .slice(-20_000)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: color codes begin with one.
    .replace(/\u001b\[[\d;]*m/g, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !noisePattern.test(line));
  const found = lines.findLastIndex((each) => reasonPattern.test(each));
  const line = lines.at(found) ?? "";
  // This line is a heading, and the reason is on the next line.
  const more = found >= 0 && line.endsWith(":") ? (lines[found + 1] ?? "") : "";
  return `${line} ${more}`.trim().slice(0, mostCharacters);
}
