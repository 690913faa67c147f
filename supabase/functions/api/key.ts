import { createHash, randomBytes } from "node:crypto";
import { BoundedMap } from "./bounded-map.ts";

type KeyPrefix = "ok" | "ak";
/** What the database keeps of a key. */
export type StoredKey = { key_prefix: string; key_hash: string };

const randomLength = 26;
const checksumLength = 6;
const keyLength = "ak_".length + randomLength + checksumLength;
const pattern = new RegExp(`^(ok|ak)_[A-Za-z0-9_-]{${randomLength + checksumLength}}$`);

/** A new key: its prefix, 26 random characters (156 bits) and a checksum of six. `key_hash` is its SHA-256 in hex. */
export function createKey(prefix: KeyPrefix): { key: string; stored: StoredKey } {
  const body = `${prefix}_${randomBytes(20).toString("base64url").slice(0, randomLength)}`;
  const key = body + checksum(body);
  return { key, stored: { key_prefix: key.slice(0, 8), key_hash: hashKey(key) } };
}

const hasFormat = (key: string, prefix: KeyPrefix) =>
  key.length === keyLength && pattern.test(key) && key.startsWith(`${prefix}_`);

const isSumRight = (key: string) => key.slice(-checksumLength) === checksum(key.slice(0, -checksumLength));

const remembered = new BoundedMap<string, string | null>(5_000);

/**
 * The hash of a key, or null when its form is wrong, so a typo costs no query. Results are cached, since an app's requests
 * have the same few keys.
 */
export function hashWellFormedKey(key: string, prefix: KeyPrefix): string | null {
  if (!hasFormat(key, prefix)) return null;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  const hash = isSumRight(key) ? hashKey(key) : null;
  remembered.set(key, hash);
  return hash;
}

export function hashKey(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

function checksum(body: string): string {
  return createHash("sha256").update(`checksum:${body}`).digest("base64url").slice(0, checksumLength);
}
