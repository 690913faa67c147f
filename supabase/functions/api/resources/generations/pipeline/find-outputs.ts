import { isAllowedFile } from "../../../file-hosts.ts";

export type Outputs = {
  /** URLs of allowed hosts and `data:` URLs, each once, in the order of the answer. */
  addresses: string[];
  /** The host of a URL that may not be fetched. */
  refused_host: string | null;
};

const maxOutputs = 10;
const maxDepth = 6;
const maxValues = 1_000;

/**
 * Finds the pictures of a prediction's `output`. Its form depends on the model: a URL, a list, or objects and lists of them
 * (`{image}`, `{images: […]}`, `[{url}]`).
 */
export function findOutputs(output: unknown, hosts: readonly string[]): Outputs {
  const addresses = new Set<string>();
  let refusedHost: string | null = null;
  let left = maxValues;
  const visit = (value: unknown, depth: number): void => {
    if (addresses.size >= maxOutputs || depth > maxDepth || left-- <= 0) return;
    if (typeof value === "string") {
      if (/^data:/i.test(value) || isAllowedFile(value, hosts)) addresses.add(value);
      else if (/^https?:\/\//i.test(value)) refusedHost ??= URL.parse(value)?.host ?? null;
    } else if (typeof value === "object" && value !== null) {
      for (const each of Object.values(value)) visit(each, depth + 1);
    }
  };
  visit(output, 0);
  return { addresses: [...addresses], refused_host: refusedHost };
}
