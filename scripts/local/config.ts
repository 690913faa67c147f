import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { Problem, reasonOf } from "./problem.ts";
import { repositoryRoot } from "./settings.ts";

type Section = Record<string, unknown>;

/** The settings of supabase/config.toml that this Auth, REST and Storage use: `section("auth.email")`, empty if absent. */
export type StackConfig = { section: (name: string) => Section };

export function readConfig(): StackConfig {
  const file = join(repositoryRoot, "supabase", "config.toml");
  let root: Section;
  try {
    root = parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Problem(`${file} cannot be read: ${reasonOf(error)}`);
  }
  return {
    section: (name) =>
      name.split(".").reduce<Section>((section, key) => (section[key] ?? {}) as Section, root),
  };
}

/** "10MiB" as a number of bytes. */
export function bytesOf(size: string): number {
  const [, amount, prefix = "", binary] = /^(\d+(?:\.\d+)?)\s*([KMG]?)(i?)B$/.exec(size) ?? [];
  if (amount === undefined) throw new Problem(`"${size}" is not a size such as "10MiB".`);
  return Math.floor(Number(amount) * (binary ? 1024 : 1000) ** ["", "K", "M", "G"].indexOf(prefix));
}
