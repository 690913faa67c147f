import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Problem } from "./problem.ts";
import { ROOT } from "./settings.ts";

type Value = string | number | boolean | string[];
type Section = Record<string, Value>;

/** The part of supabase/config.toml that Auth, REST and Storage obey here. */
export interface StackConfig {
  section: (name: string) => Section;
  /** Buckets by name, from `[storage.buckets.<name>]`. */
  buckets: Record<string, Bucket>;
}

export interface Bucket {
  public: boolean;
  file_size_limit_bytes: number;
  allowed_mime_types: string[];
}

export function readConfig(file = join(ROOT, "supabase", "config.toml")): StackConfig {
  const sections = parse(readFileSync(file, "utf8"), file);
  const prefix = "storage.buckets.";
  const named = [...sections].filter(([name]) => name.startsWith(prefix));
  const buckets = named.map(([name, section]) => [name.slice(prefix.length), bucketOf(section)] as const);
  return { section: (name) => sections.get(name) ?? {}, buckets: Object.fromEntries(buckets) };
}

function bucketOf(section: Section): Bucket {
  const types = section.allowed_mime_types;
  return {
    public: section.public === true,
    file_size_limit_bytes: bytesOf(String(section.file_size_limit ?? "50MiB")),
    allowed_mime_types: Array.isArray(types) ? types : [],
  };
}

const UNITS: Record<string, number> = {
  B: 1,
  KB: 1e3,
  KiB: 1024,
  MB: 1e6,
  MiB: 1_048_576,
  GB: 1e9,
  GiB: 1_073_741_824,
};

/** "10MiB" as a number of bytes. */
export function bytesOf(size: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([KMG]?i?B)$/.exec(size) ?? [];
  const factor = UNITS[unit ?? ""];
  if (amount === undefined || factor === undefined)
    throw new Problem(`"${size}" is no size such as "10MiB".`);
  return Math.floor(Number(amount) * factor);
}

/** As much TOML as this file uses: sections, and one line for each value. */
function parse(text: string, file: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  let current: Section = {};
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[([\w.-]+)\]$/.exec(line)?.[1];
    const [, key, value] = /^([\w-]+)\s*=\s*(.+)$/.exec(line) ?? [];
    if (header !== undefined) {
      current = {};
      sections.set(header, current);
    } else if (key !== undefined && value !== undefined) {
      current[key] = readValue(value, `${file}:${index + 1}`);
    } else {
      throw new Problem(`${file}:${index + 1} is neither a section nor a value on one line.`);
    }
  }
  return sections;
}

function readValue(text: string, place: string): Value {
  try {
    // Strings, numbers, booleans and lists of strings read the same in JSON.
    return JSON.parse(text.replace(/(?<=[\d\]"el])\s+#.*$/, "")) as Value;
  } catch {
    throw new Problem(`${place} has a value that the embedded stack cannot read.`);
  }
}
