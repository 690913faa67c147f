import { fits } from "./password-schema.ts";

/**
 * What to try at Auth for a password: NFC, and then as it was typed, for a hash from before passwords were normalised.
 * Where neither can be anybody's, a random one takes their place, so that the refusal takes its time.
 */
export function spellingsOf(password: string): string[] {
  const spellings = [...new Set([password.normalize("NFC"), password])].filter(fits);
  return spellings.length > 0 ? spellings : [crypto.randomUUID()];
}
