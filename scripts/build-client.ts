// Builds the SDK and holds it to its promises: correct packaging and types, its size, and that unused parts fall away.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type InlineConfig } from "tsdown";
import { ROOT } from "./local/settings.ts";
import { runCommand } from "./run-command.ts";

const folder = join(ROOT, "packages", "client");
const longestGzip = 12_000;
/** What a program pays that uses the error classes alone. */
const longestShakenGzip = 2_000;

const options: InlineConfig = {
  config: false,
  cwd: folder,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  fixedExtension: false,
  tsconfig: join(folder, "tsconfig.json"),
  logLevel: "warn",
};

/** Writes packages/client/dist. @throws Error saying which promise is broken. Returns a line for people. */
export async function buildClient(): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "cloud-api-client-"));
  try {
    await build({ ...options, entry: ["src/index.ts"], outDir: join(folder, "dist"), dts: true });
    await mustSucceed("npm", ["pack", folder, "--pack-destination", scratch, "--silent"]);
    const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const tarball = join(scratch, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);
    await mustSucceed("publint", [tarball, "--strict"]);
    await mustSucceed("attw", [tarball, "--profile", "esm-only"]);
    const whole = await gzippedSize(scratch, "whole", "export *");
    const shaken = await gzippedSize(scratch, "shaken", "export { ApiError, RateLimitError }");
    if (whole > longestGzip) throw new Error(`The SDK has ${whole} bytes min+gz, over ${longestGzip}.`);
    if (shaken > longestShakenGzip)
      throw new Error(`The error classes alone cost ${shaken} bytes min+gz: something has side effects.`);
    const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
    return `${kB(whole)} min+gz of ${kB(longestGzip)}, errors alone ${kB(shaken)}; publint and attw clean`;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function gzippedSize(scratch: string, name: string, what: string): Promise<number> {
  writeFileSync(
    join(scratch, `${name}.js`),
    `${what} from ${JSON.stringify(join(folder, "dist/index.js"))};\n`,
  );
  const outDir = join(scratch, `${name}-dist`);
  await build({ ...options, entry: [join(scratch, `${name}.js`)], outDir, minify: true, dts: false });
  return gzipSync(readFileSync(join(outDir, `${name}.js`)), { level: 9 }).byteLength;
}

async function mustSucceed(command: string, args: string[]): Promise<void> {
  const { code, output } = await runCommand(command, args);
  if (code !== 0) throw new Error(`${command} is not content:\n${output}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await buildClient());
