import { findPackageJSON } from "node:module";
import { dirname } from "node:path";
import { Problem } from "./problem.ts";

/** As most packages name it. Deno's call Windows win32, as Node does. */
export const nativePlatform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;

/** The folder with the programs that a package has for this platform. Unlike its launcher, they answer signals. @throws Problem */
export function nativeFolder(name: string, ...natives: string[]): string {
  const launcher = findPackageJSON(name, import.meta.url);
  for (const native of natives) {
    try {
      return dirname(findPackageJSON(native, launcher) ?? "");
    } catch {}
  }
  throw new Problem(
    `The package ${name} has no program for ${nativePlatform}: use \`supabase start\` with Docker instead.`,
  );
}
