/** The sender of mails to developers and operators. */
export const platformName = "Cloud API";

/** Look-alikes of each letter of the platform's name in other scripts, digits and signs, after case and accents were removed. */
const lookAlikes = ["cсϲᴄ", "lіιıᛁӏ1|!i", "oоοօ0", "uսυʋ", "dԁժ", "aаαɑ4@", "pрρ", "iіιıӏl1|!"].map(
  (letters) => `[${letters}]`,
);
const platform = new RegExp(lookAlikes.join("[^\\p{L}\\p{N}|!@]*"), "u");

/** Whether a name looks like the platform's. Recipients would trust its mails. */
export const looksLikePlatform = (name: string) =>
  platform.test(
    name
      .normalize("NFKD")
      .replace(/[\p{M}\p{Cf}]/gu, "")
      .toLowerCase(),
  );

/** The name of an app in mails and pages: its sender name, or its own name unless that looks like the platform's. */
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
