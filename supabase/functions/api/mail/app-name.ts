/** Who writes to developers and operators. */
export const platformName = "Cloud API";

/** How each letter of the platform's name can be drawn in other scripts, digits and signs; case and accents are gone by then. */
const lookAlikes = ["cсϲᴄ", "lіιıᛁӏ1|!i", "oоοօ0", "uսυʋ", "dԁժ", "aаαɑ4@", "pрρ", "iіιıӏl1|!"].map(
  (letters) => `[${letters}]`,
);
const platform = new RegExp(lookAlikes.join("[^\\p{L}\\p{N}|!@]*"), "u");

/** A name that people could take for the platform's own: its mail would be believed. */
export const looksLikePlatform = (name: string) =>
  platform.test(
    name
      .normalize("NFKD")
      .replace(/[\p{M}\p{Cf}]/gu, "")
      .toLowerCase(),
  );

/** What mails and pages call an app: its sender's name, or its own unless that looks like the platform's. */
export function appName({
  id,
  name,
  mail,
}: {
  id: string;
  name: string;
  mail: { sender_name: string | null };
}): string {
  return mail.sender_name ?? (looksLikePlatform(name) ? `App ${id.slice(0, 8)}` : name);
}
