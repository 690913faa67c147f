import { fits } from "./password-schema.ts";

/**
 * The passwords to try at Auth: first NFC, then the typed form, for hashes from before passwords were normalized.
 * If no account can have either, a random password is tried, so that the refusal takes the same time.
 */
export function spellingsOf(password: string): string[] {
  const spellings = [...new Set([password.normalize("NFC"), password])].filter(fits);
  return spellings.length > 0 ? spellings : [crypto.randomUUID()];
}
