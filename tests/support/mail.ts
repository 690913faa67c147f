import { inject } from "vitest";
import { until } from "./until.ts";

const { inbox } = inject("stack").urls;

export type ReceivedMail = {
  id: string;
  subject: string;
  text: string;
  html: string;
  from: { address: string; name: string }[];
  to: { address: string }[];
  headers: Record<string, string>;
};

/** All mails to the address, oldest first. */
export async function mailsTo(address: string): Promise<ReceivedMail[]> {
  if (inbox === undefined) throw new Error("These tests read the target's inbox: CLOUD_API_INBOX_URL.");
  // The inbox compares addresses exactly. It filters them itself, since it holds hundreds of mails.
  const spellings = new Set([address, address.toLowerCase()]);
  const found = await Promise.all(
    [...spellings].map(async (spelling) => {
      const response = await fetch(`${inbox}/api/email?${new URLSearchParams({ "to.address": spelling })}`);
      return (await response.json()) as (ReceivedMail & { time: string })[];
    }),
  );
  return found.flat().sort((one, two) => one.time.localeCompare(two.time));
}

/** Waits for a mail to the address whose subject contains the words. @returns the newest one */
export async function mailTo(
  address: string,
  words: string,
  newerThan?: ReceivedMail,
): Promise<ReceivedMail> {
  return until(`a mail “${words}” to ${address} arrives`, async () => {
    const found = (await mailsTo(address)).filter((mail) => mail.subject.includes(words));
    const newest = found.at(-1);
    return newest?.id === newerThan?.id ? undefined : newest;
  });
}

/** The token of a mail's link. */
export function tokenOf(mail: ReceivedMail): string {
  const token = /[#?&]token=([^&\s]+)/.exec(mail.text)?.[1];
  if (token === undefined) throw new Error(`no token in the mail:\n${mail.text}`);
  return decodeURIComponent(token);
}

/** The code of a verification mail, without its space. */
export function codeOf(mail: ReceivedMail): string {
  const code = /^\d{4} \d{4}$/m.exec(mail.text)?.[0].replace(" ", "");
  if (code === undefined) throw new Error(`no code in the mail:\n${mail.text}`);
  return code;
}

/** A different code. */
export const wrongCode = (code: string) => (code.startsWith("0") ? "1" : "0") + code.slice(1);
