import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { registerDeveloper, registerEndUser } from "../support/api.ts";
import { launchChromium, saveScreenshot } from "../support/browser.ts";
import { freshPrompt, GenerationStack } from "../support/generation.ts";

const target = inject("stack");
const { urls, credentials } = target;
const stack = new GenerationStack(target);
let browser: Browser;
let page: Page;
let pageErrors: string[];
let foreignRequests: string[];

beforeAll(async () => {
  browser = await launchChromium();
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const { id } = await stack.makeGeneration(freshPrompt(), user.headers);
  await stack.waitForEnd(id, user.headers);
});
afterAll(() => Promise.all([browser.close(), stack.close()]));
afterEach(() => page.close());

type Look = { scheme: "light" | "dark"; width: number };
const looks: Look[] = (["light", "dark"] as const).flatMap((scheme) =>
  [390, 1280].map((width) => ({ scheme, width })),
);

async function open(path: string, { scheme, width }: Look = { scheme: "light", width: 1280 }): Promise<void> {
  page = await browser.newPage({ colorScheme: scheme, viewport: { width, height: 900 } });
  pageErrors = [];
  foreignRequests = [];
  page.on("console", (message) => message.type() === "error" && pageErrors.push(message.text()));
  page.on("pageerror", (error) => pageErrors.push(String(error)));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== urls.gateway) foreignRequests.push(request.url());
  });
  await page.goto(urls.gateway + path, { waitUntil: "networkidle" });
}

/** 0 is black, 255 is white. */
const brightness = () =>
  page.evaluate(() => {
    const [red = 0, green = 0, blue = 0] = (
      getComputedStyle(document.body).backgroundColor.match(/\d+/g) ?? []
    ).map(Number);
    return (red + green + blue) / 3;
  });

async function expectNoDefects({ scheme, width }: Look): Promise<void> {
  expect(pageErrors).toEqual([]);
  expect(foreignRequests).toEqual([]);
  if (scheme === "dark") expect(await brightness()).toBeLessThan(64);
  else expect(await brightness()).toBeGreaterThan(192);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
}

test.each(looks)("the API reference renders without errors, $scheme at $width px", async (look) => {
  await open("/docs/", look);
  await page.getByRole("heading", { name: "Cloud API", exact: true }).waitFor();
  await page.getByRole("heading", { name: "Authentication", exact: true }).first().waitFor();
  await saveScreenshot(page, `reference-${look.scheme}-${look.width}`);
  await expectNoDefects(look);
});

test("the API reference sends a request to the stack that serves it", async () => {
  await open("/docs/#tag/health/GET/health");
  await page.getByRole("button", { name: "Test Request" }).first().click();
  const answered = page.waitForResponse(`${urls.gateway}/health`);
  await page.getByRole("button", { name: "Send" }).first().click();
  expect((await answered).status()).toBe(200);
  expect(foreignRequests).toEqual([]);
});

test("the reference's example requests for an account and for a picture with a photo succeed unchanged", async () => {
  await open("/docs/#tag/authentication/POST/api/v1/auth/register");
  const send = async (path: string) => {
    await page.getByRole("button", { name: `Test Request (post ${path})` }).click();
    const answered = page.waitForResponse((answer) => answer.url() === urls.gateway + path);
    await page.getByRole("button", { name: "Send" }).first().click();
    const answer = await answered;
    await page
      .getByRole("link", { name: /20[01]/ })
      .first()
      .waitFor();
    await page.keyboard.press("Escape");
    return { status: answer.status(), body: await answer.json() };
  };
  const account = await send("/api/v1/auth/register");
  expect([account.status, account.body.project_id]).toEqual([201, credentials.project_id]);
  await page.evaluate(() => {
    location.hash = "#tag/generation/POST/api/v1/generation/generate-v2";
  });
  const picture = await send("/api/v1/generation/generate-v2");
  expect([picture.status, picture.body.example_images.length]).toEqual([200, 1]);
  expect(pageErrors).toEqual([]);
});

test("a guide shows the gateway's own address, links to the start page, and is found by the search", async () => {
  await open("/docs/quick-start.html");

  expect(await page.locator("main").textContent()).toContain(urls.gateway);
  expect(await page.getByRole("link", { name: "Start page" }).getAttribute("href")).toBe("/");
  const box = page.getByRole("searchbox", { name: "Search the guides" });
  await box.fill("webhook signature");
  await page.getByRole("link", { name: /invalid_webhook_signature/ }).waitFor();
  await box.fill("account_not_verified");
  await page
    .getByRole("link", { name: /account_not_verified/ })
    .first()
    .click();
  await page.getByRole("heading", { name: "account_not_verified" }).waitFor();
  expect(pageErrors).toEqual([]);
});

test.each(looks)("a guide renders without errors and its menu works, $scheme at $width px", async (look) => {
  for (const name of ["quick-start", "errors"]) {
    await open(`/docs/${name}.html`, look);
    await saveScreenshot(page, `guide-${name}-${look.scheme}-${look.width}`);
    await expectNoDefects(look);
    const menu = page.getByText("All guides");
    if (await menu.isVisible()) await menu.click();
    await page.getByRole("link", { name: "Projects and keys" }).locator("visible=true").first().click();
    await page.getByRole("heading", { level: 1, name: "Projects and keys" }).waitFor();
    expect(pageErrors).toEqual([]);
    if (name === "quick-start") await page.close();
  }
});

test("the first Tab on a guide focuses the link that skips the navigation", async () => {
  await open("/docs/accounts.html");
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Skip to the content");
});

test("the copy button of a code block copies the whole block", async () => {
  await open("/docs/quick-start.html");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.getByRole("button", { name: "Copy" }).first().click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("npm start");
});

test.each(looks)(
  "the landing page shows keys and pictures, and copies a key, $scheme at $width px",
  async (look) => {
    await open("/", look);
    expect(await page.getByText(credentials.project_id ?? "", { exact: true }).count()).toBe(1);
    const shown = page.locator(".pictures img").first();
    await page.waitForFunction(
      () => [...document.images].length > 0 && [...document.images].every((image) => image.complete),
    );
    // A picture that the browser cannot decode has no width.
    expect(await shown.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    expect(await shown.evaluate((image: HTMLImageElement) => image.width - image.height)).toBe(0);
    await saveScreenshot(page, `landing-${look.scheme}-${look.width}`);
    await expectNoDefects(look);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByRole("button", { name: "Copy Project key" }).click();
    await page.getByRole("button", { name: "Copy Project key" }).getByText("Copied").waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(credentials.api_key);
  },
);

test("a page of another origin cannot read keys of the landing page by fetch, iframe or window", async () => {
  const attacker = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end("<title>Another site</title>");
  }).listen(0, "127.0.0.1");
  await once(attacker, "listening");
  try {
    await open("/");
    expect(await page.content()).toContain(credentials.api_key);
    await page.goto(`http://127.0.0.1:${(attacker.address() as AddressInfo).port}/`);
    const stolen = await page.evaluate(async (url) => {
      const read = await fetch(url, { headers: { accept: "text/html" }, credentials: "include" })
        .then((response) => response.text())
        .catch(String);
      const frame = document.createElement("iframe");
      const framed = new Promise((resolve) => {
        frame.onload = resolve;
      });
      frame.src = url;
      document.body.append(frame);
      await framed;
      const opened = window.open(url);
      const looked = (who: Window | null) => {
        try {
          return who?.document.body.textContent ?? "";
        } catch (error) {
          return String(error);
        }
      };
      return [read, looked(frame.contentWindow), looked(opened)].join("\n");
    }, `${urls.gateway}/`);
    for (const secret of [credentials.api_key, credentials.developer_key, credentials.developer_password])
      expect(stolen).not.toContain(secret);
    expect(stolen).toContain("SecurityError");
  } finally {
    attacker.close();
    attacker.closeAllConnections();
  }
});
