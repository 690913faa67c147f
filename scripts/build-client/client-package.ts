import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build, type InlineConfig } from "tsdown";
import { runCommand } from "../local/run-command.ts";
import { repositoryRoot } from "../local/settings.ts";

export const packageFolder = join(repositoryRoot, "packages", "client");
const longestGzip = 12_000;
/** The size for a program that uses only the error classes. */
const longestShakenGzip = 2_000;

const options: InlineConfig = {
  config: false,
  cwd: packageFolder,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  fixedExtension: false,
  tsconfig: join(packageFolder, "tsconfig.json"),
  logLevel: "warn",
  inputOptions: { checks: { pluginTimings: false } },
};

/** Builds the package in an empty folder and packs it there. Returns the path of the tarball, as it would be published. */
export async function packClient(folder: string): Promise<string> {
  await build({ ...options, entry: ["src/index.ts"], outDir: join(folder, "dist"), dts: true });
  for (const file of ["package.json", "README.md", "CHANGELOG.md", "LICENSE"]) {
    cpSync(join(packageFolder, file), join(folder, file));
  }
  await mustSucceed("npm", ["pack", folder, "--pack-destination", folder, "--silent"]);
  const { name, version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);
}

/** Writes one minified module with the whole SDK, or its named exports, for a page without a bundler. */
export async function bundleClient(folder: string, what = "*"): Promise<string> {
  const entry = join(folder, "bundle.js");
  writeFileSync(entry, `export ${what} from ${JSON.stringify(join(folder, "dist", "index.js"))};\n`);
  const outDir = join(folder, "bundled");
  await build({ ...options, entry: [entry], outDir, minify: true, dts: false });
  return readFileSync(join(outDir, "bundle.js"), "utf8");
}

/** @throws Error that names the failed check. Returns a line for the terminal, and the path of the tarball. */
export async function checkClient(folder: string): Promise<{ line: string; tarball: string }> {
  const tarball = await packClient(folder);
  await mustSucceed("publint", [tarball, "--strict"]);
  await mustSucceed("attw", [tarball, "--profile", "esm-only"]);
  const sizeOf = (bundle: string) => gzipSync(bundle, { level: 9 }).byteLength;
  const whole = sizeOf(await bundleClient(folder));
  const shaken = sizeOf(await bundleClient(folder, "{ ApiError, RateLimitError }"));
  if (whole > longestGzip) throw new Error(`The SDK has ${whole} bytes min+gz, over ${longestGzip}.`);
  if (shaken > longestShakenGzip)
    throw new Error(`The error classes alone cost ${shaken} bytes min+gz: something has side effects.`);
  const kB = (bytes: number) => `${(bytes / 1000).toFixed(1)} kB`;
  const line = `${kB(whole)} min+gz of at most ${kB(longestGzip)}, its errors alone ${kB(shaken)}; publint and attw clean`;
  return { line, tarball };
}

async function mustSucceed(command: string, args: string[]): Promise<void> {
  const { code, output } = await runCommand(command, args);
  if (code !== 0) throw new Error(`${command} found problems:\n${output}`);
}
