import { type ParseArgsConfig, parseArgs } from "node:util";
import { Problem, reasonOf } from "./problem.ts";

type Named = NonNullable<ParseArgsConfig["options"]>;
const help = { help: { type: "boolean", short: "h" } } as const;

/** The options and arguments of a command such as `npm run doctor`. `--help` prints `text` and ends. @throws Problem */
export function readCommandLine<const T extends Named>(
  command: string,
  text: string,
  options: T,
  words = false,
) {
  try {
    const parsed = parseArgs({ options: { ...options, ...help }, allowPositionals: words });
    if (!(parsed.values as { help?: boolean }).help) return parsed;
  } catch (error) {
    throw new Problem(`${(error as Error).message.split(". ")[0]}. See \`${command} -- --help\`.`);
  }
  console.log(text);
  process.exit(0);
}

/** Runs a command. It prints a `Problem` as its sentence, and any other failure after `broken`. */
export async function runMain(main: () => Promise<unknown>, broken: string): Promise<void> {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Problem ? error.message : `${broken}: ${reasonOf(error)}`);
    process.exitCode = 1;
  }
}

/** @throws Problem for a port at which a stack cannot begin */
export function portOf(text: string | undefined, otherwise: number): number {
  const port = Number(text ?? otherwise);
  if (Number.isInteger(port) && port >= 1024 && port <= 65_500) return port;
  throw new Problem(`--port ${text} is not usable: give a number between 1024 and 65500.`);
}
