import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { api, login, registerDeveloper, registerEndUser } from "../support/api.ts";
import { launchChromium, saveScreenshot } from "../support/browser.ts";
import { forgetMailCounts } from "../support/forget-mail-counts.ts";
import { mailTo, type ReceivedMail, tokenOf } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";

const { urls } = inject("stack");
const another = "Another-horse-8";
let browser: Browser;
let page: Page;
let pageErrors: string[];
let requested: string[];

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

async function open(url: string, colorScheme: "light" | "dark" = "light"): Promise<void> {
  page = await browser.newPage({ colorScheme, viewport: { width: 420, height: 640 } });
  pageErrors = [];
  requested = [];
  page.on("console", (message) => message.type() === "error" && pageErrors.push(message.text()));
  page.on("pageerror", (error) => pageErrors.push(String(error)));
  page.on("request", (request) => requested.push(`${request.method()} ${request.url()}`));
  await page.goto(url);
}
afterEach(() => page.close());

const linkOf = (mail: ReceivedMail) => /https?:\S+#token=\S+/.exec(mail.text)?.[0] ?? "";
const statusText = () => page.getByRole("status").textContent();

async function newUser() {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  return { ...user, named: { "X-Project-ID": project.id } };
}

async function userWithResetLink() {
  const user = await newUser();
  await api("/auth/request-password-reset", { headers: user.named, json: { email: user.email } });
  return { ...user, link: linkOf(await mailTo(user.email, "Set a new password")) };
}

test("the verification page confirms an address by its button, and a second visit says that it is confirmed", async () => {
  const { email, headers } = await newUser();
  const link = linkOf(await mailTo(email, "Confirm your address"));
  await open(link);
  await page.getByRole("button", { name: "Confirm address" }).waitFor();
  await page.getByText("My first project").waitFor();
  await saveScreenshot(page, "verify-1-opened");
  expect((await api("/auth/me", { headers })).body.is_verified).toBe(false);
  await page.getByRole("button", { name: "Confirm address" }).click();
  await page.getByText(`${email} is confirmed`).waitFor();
  await saveScreenshot(page, "verify-2-confirmed");
  expect((await api("/auth/me", { headers })).body.is_verified).toBe(true);
  expect(await page.getByRole("button").count()).toBe(0);
  expect(pageErrors).toEqual([]);

  await open(link, "dark");
  await page.getByText("This address is confirmed").waitFor();
  expect(await page.getByRole("status").getAttribute("class")).toBe("good");
  expect(await page.getByRole("button").count()).toBe(0);
  await saveScreenshot(page, "verify-3-used");
});

test("the verification page links to the app, and confirming an address that is confirmed already succeeds", async () => {
  const owner = await registerDeveloper();
  await api(`/projects/${owner.project.id}`, {
    method: "PATCH",
    headers: owner.headers,
    json: {
      name: "Postcards",
      site_url: "https://cards.example.com/#/home",
      allowed_origins: ["https://cards.example.com"],
    },
  });
  const { email } = await registerEndUser(owner.project);
  const mail = await mailTo(email, "Confirm your address");
  await open(linkOf(mail));
  const back = page.getByRole("link", { name: "Back to Postcards" });
  expect(await back.getAttribute("href")).toBe("https://cards.example.com/#/home");
  await api("/auth/verify-email", { json: { token: tokenOf(mail) } });
  await page.getByRole("button", { name: "Confirm address" }).click();
  await page.getByText("This address is confirmed").waitFor();
  await saveScreenshot(page, "verify-4-app");
});

test("the pages behind an expired link send a new mail, also for a project with a list of origins", async () => {
  const owner = await registerDeveloper();
  await api(`/projects/${owner.project.id}`, {
    method: "PATCH",
    headers: owner.headers,
    json: { allowed_origins: ["https://cards.example.com"] },
  });
  const { email, id } = await registerEndUser(owner.project);
  const mail = await mailTo(email, "Confirm your address");
  const sql = openDatabase();
  await sql`update private.mail_tokens set expires_at = now() where user_id = ${id}`;
  await forgetMailCounts(sql, "verification", id);
  await open(linkOf(mail));
  await page.getByText("This link has expired").waitFor();
  await page.getByLabel("Your email address").fill(email);
  await saveScreenshot(page, "verify-5-too-old");
  await page.getByRole("button", { name: "Send me a new mail" }).click();
  await page.getByText("a mail is on its way").waitFor();
  const newer = await mailTo(email, "Confirm your address", mail);
  expect((await api("/auth/verify-email", { json: { token: tokenOf(newer) } })).status).toBe(200);
  await page.close();

  await open(`${urls.base}/api/v1/auth/reset-password?project=${owner.project.id}`);
  await page.getByLabel("Your email address").fill(email);
  await saveScreenshot(page, "reset-4-ask");
  await page.getByRole("button", { name: "Send me a mail" }).click();
  await page.getByText("a mail is on its way").waitFor();
  await mailTo(email, "Set a new password");
  expect(pageErrors).toEqual([]);
});

test("the auth pages work on a separate site", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mail-pages-"));
  const address = urls.base ?? urls.gateway;
  execFileSync(process.execPath, [join(repositoryRoot, "scripts/deploy/pages.ts"), address, folder]);
  const site = createServer((request, response) => {
    const name = /^\/([\w-]+\.html)/.exec(request.url ?? "")?.[1] ?? "";
    response.writeHead(200, { "Content-Type": "text/html" }).end(readFileSync(join(folder, name)));
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const { port } = site.address() as AddressInfo;
  try {
    const { email, headers } = await newUser();
    const fragment = linkOf(await mailTo(email, "Confirm your address")).split("#")[1];
    await open(`http://127.0.0.1:${port}/verify-email.html#${fragment}`);
    await page.getByRole("button", { name: "Confirm address" }).click();
    await page.getByText(`${email} is confirmed`).waitFor();
    expect((await api("/auth/me", { headers })).body.is_verified).toBe(true);
    expect(pageErrors).toEqual([]);
  } finally {
    site.close();
    rmSync(folder, { recursive: true });
  }
});

test("the token of the verification page is never in the address bar or in a requested URL", async () => {
  const { email } = await newUser();
  const link = linkOf(await mailTo(email, "Confirm your address"));
  const token = link.split("#token=")[1] ?? "";
  await open(link);
  await page.getByRole("button", { name: "Confirm address" }).click();
  await page.getByText("is confirmed").waitFor();
  expect(page.url()).toBe(`${urls.gateway}/api/v1/auth/verify-email`);
  expect(requested).toHaveLength(3);
  for (const request of requested.slice(1)) expect(request).not.toContain(token);
  expect(requested[2]).toBe(`POST ${urls.gateway}/api/v1/auth/verify-email`);
});

test("the reset page refuses passwords that differ or are weak, and sets a strong one", async () => {
  const { email, named, link, token } = await userWithResetLink();
  await open(link);
  const type = async (first: string, second: string) => {
    await page.getByLabel("New password").fill(first);
    await page.getByLabel("Repeat the password").fill(second);
    await page.getByRole("button", { name: "Set password" }).click();
  };
  await saveScreenshot(page, "reset-1-opened");
  await type(another, "Something-else-1");
  expect(await statusText()).toBe("The two passwords differ.");
  await type("alllowercase", "alllowercase");
  await page.getByRole("status").filter({ hasText: "upper-case letter" }).waitFor();
  await saveScreenshot(page, "reset-2-weak");
  await type(another, another);
  await page.getByText("Your new password is set").waitFor();
  await saveScreenshot(page, "reset-3-done");
  expect((await api("/auth/me", { headers: { Authorization: `Bearer ${token}` } })).status).toBe(401);
  expect((await login(email, named, another)).token).toBeTruthy();
});

test.each([
  ["de", "Adresse bestätigen", "ist bestätigt", "Zurück zu Grußkarten", "#facc15", "rgb(0, 0, 0)"],
  ["ja", "アドレスを確認する", "確認が完了しました", "はがき に戻る", "#1d4ed8", "rgb(255, 255, 255)"],
] as const)(
  "the verification page of an app in %s has the app's language, name and color",
  async (language, press, done, backTo, accentColor, text) => {
    const owner = await registerDeveloper();
    const sender_name = backTo.replace(/Zurück zu | に戻る/, "");
    await api(`/projects/${owner.project.id}`, {
      method: "PATCH",
      headers: owner.headers,
      json: {
        site_url: "https://cards.example.com",
        mail: { language, accent_color: accentColor, sender_name },
      },
    });
    const { email } = await registerEndUser(owner.project);
    await open(linkOf(await mailTo(email, sender_name)));
    const button = page.getByRole("button", { name: press });
    await button.waitFor();
    expect(await button.evaluate((element) => getComputedStyle(element).color)).toBe(text);
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(language);
    expect(await page.title()).toBe(await page.getByRole("heading").textContent());
    await saveScreenshot(page, `verify-${language}`);
    await button.click();
    await page.getByText(done).waitFor();
    await page.getByRole("link", { name: backTo }).waitFor();
    expect(pageErrors).toEqual([]);
  },
);

test("the reset page has the language of its link, else the browser's, else English", async () => {
  const ask = `${urls.base}/api/v1/auth/reset-password`;
  const heading = () => page.getByRole("heading").textContent();
  await open(`${ask}?lang=pt`);
  expect(await heading()).toBe("Defina uma nova senha");
  await page.close();
  for (const [locale, title] of [
    ["fr-CA", "Choisissez un nouveau mot de passe"],
    ["nl-NL", "Set a new password"],
  ] as const) {
    const context = await browser.newContext({ locale });
    page = await context.newPage();
    await page.goto(ask);
    expect(await heading()).toBe(title);
    if (locale === "fr-CA") {
      // An error has that language too.
      await page.goto(`${ask}?again#token=${"0".repeat(64)}`);
      await page.getByText("Ce lien a expiré").waitFor();
    }
    await context.close();
  }
  await open("about:blank");
});

test("the verification page runs only its own script, cannot be framed, and is not cached", async () => {
  const response = await fetch(`${urls.gateway}/api/v1/auth/verify-email`);
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(response.headers.get("referrer-policy")).toBe("no-referrer");
  await open(`${urls.gateway}/api/v1/auth/verify-email#token=x"><img src=x onerror=alert(1)>`);
  expect(await page.locator("img").count()).toBe(0);
  await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "document.title='taken over'";
    document.body.append(script);
  });
  expect(await page.title()).toBe("Confirm your address");
});

test.each(["light", "dark"] as const)(
  "mails fit a %s client and load nothing from outside",
  async (scheme) => {
    const { email, headers, named } = await newUser();
    await api("/auth/request-password-reset", { headers: named, json: { email } });
    await mailTo(email, "Set a new password");
    await api("/auth/change-password", {
      headers,
      json: { current_password: "Correct-horse-9", new_password: another },
    });
    const developer = await registerDeveloper();
    await api("/auth/developer-keys", {
      headers: developer.headers,
      json: { name: "Server", management: true },
    });
    const mails = [
      await mailTo(email, "Confirm your address"),
      await mailTo(email, "Set a new password"),
      await mailTo(email, "was changed"),
      await mailTo(developer.email, "new developer key"),
    ];
    for (const [index, mail] of mails.entries()) {
      await open("about:blank", scheme);
      await page.setViewportSize({ width: 640, height: 400 });
      await page.setContent(mail.html);
      await saveScreenshot(page, `mail-${index + 1}-${scheme}`);
      expect(requested.filter((request) => !request.includes("about:blank"))).toEqual([]);
      expect(await page.getByRole("heading").count()).toBe(1);
      // The text version contains the heading of the HTML version.
      const heading = (await page.getByRole("heading").textContent()) ?? "";
      expect(mail.text).toContain(heading);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      expect(wide).toBe(false);
      await page.close();
    }
    await open("about:blank");
  },
);
