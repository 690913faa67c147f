import { findPackageJSON } from "node:module";
import { dirname } from "node:path";
import { Problem } from "./problem.ts";

/** The platform's name in most packages. Those of Deno call Windows win32, as Node does. */
export const nativePlatform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;

/** The folder with a package's programs for this platform. Unlike the package's launcher, they handle signals. @throws Problem */
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
