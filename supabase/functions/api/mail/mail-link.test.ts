import { expect, test } from "vitest";
import { mailLink } from "./mail-link.ts";

const place = { public_url: "https://ref.supabase.co/functions/v1", pages_url: undefined, user_id: "u1" };
const naming = (page: string) =>
  ({
    id: "p1",
    name: "Postcards",
    verify_url: page,
    reset_url: page,
    mail: { language: "de" },
  }) as Parameters<typeof mailLink>[2]["project"];

test.each([
  ["https://a.example/reset", "https://a.example/reset?token=t%2F1"],
  ["https://a.example/reset?lang=de", "https://a.example/reset?lang=de&token=t%2F1"],
  ["https://a.example/reset#top", "https://a.example/reset?token=t%2F1#top"],
  ["https://a.example/#/reset", "https://a.example/#/reset?token=t%2F1"],
  ["https://a.example/app#/reset?lang=de", "https://a.example/app#/reset?lang=de&token=t%2F1"],
  ["https://a.example/#!/reset", "https://a.example/#!/reset?token=t%2F1"],
])("the mail link to a page at %s is %s", (page, link) => {
  expect(mailLink("reset-password", "t/1", { ...place, project: naming(page) })).toBe(link);
});

test("a verification link contains the account's id", () => {
  expect(mailLink("verify-email", "t", { ...place, project: naming("https://a.example/#/verify") })).toBe(
    "https://a.example/#/verify?token=t&user_id=u1",
  );
});

test("without pages of the project, mail links lead to the pages of the API or of PAGES_URL", () => {
  const project = { ...naming(""), verify_url: null, reset_url: null } as ReturnType<typeof naming>;
  expect(mailLink("verify-email", "t", { ...place, project })).toBe(
    "https://ref.supabase.co/functions/v1/api/v1/auth/verify-email#token=t&project=p1&lang=de",
  );
  const pages_url = "https://app.example.com/account";
  expect(mailLink("reset-password", "t", { ...place, pages_url, project: null })).toBe(
    "https://app.example.com/account/reset-password.html#token=t",
  );
});
