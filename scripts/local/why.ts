/** What a line looks like that says why a program failed: its first word is the kind of failure. */
const REASON =
  /^(?:[\w.:-]+ )*?(?:npm error|error|fatal|panic|uncaught|unhandled)\b|^\w*(?:Error|Exception)\b|\b(?:ERROR|FATAL|PANIC):/i;
/** Frames of a stack, quoted source with its marks, and what programs say around a failure. */
const NOISE =
  /^\s*at\s|^\s*[\^~]+\s*$|^\s*\d+\s*\||^\s*(?:throw|node:internal)\b|^Node\.js v|^Try rerunning|^npm error (?:A complete log|code\b|errno\b|syscall\b|$)/i;

const MOST_CHARACTERS = 300;

/** The line of a program's output that says why it failed, without its stack, its source and its colours. */
export function whyOf(output: string): string {
  const lines = output
    .slice(-20_000)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one.
    .replace(/\u001b\[[\d;]*m/g, "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !NOISE.test(line));
  const line = lines.findLast((each) => REASON.test(each)) ?? lines.at(-1) ?? "";
  return line.slice(0, MOST_CHARACTERS);
}
