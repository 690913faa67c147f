import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { packClient } from "../../scripts/build-client/client-package.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { freshEmail, registerDeveloper } from "../support/api.ts";
import { launchChromium, saveScreenshot } from "../support/browser.ts";
import { png } from "../support/images.ts";

const { urls } = inject("stack");
const folder = mkdtempSync(join(tmpdir(), "cloud-api-example-"));
let browser: Browser;
let server: ChildProcess;
let url: string;

beforeAll(async () => {
  await packClient(folder);
  const { project } = await registerDeveloper();
  server = spawn(process.execPath, [join(repositoryRoot, "examples/browser/server.mjs")], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      PORT: "0",
      CLIENT: `file://${join(folder, "dist/index.js")}`,
      NEXT_PUBLIC_API_URL: urls.gateway,
      DEVKIT4AI_DEVELOPER_KEY: project.developer_key,
      DEVKIT4AI_PROJECT_ID: project.id,
      DEVKIT4AI_PROJECT_KEY: project.api_key,
    },
  });
  [url] = (await once(createInterface({ input: server.stdout as NodeJS.ReadableStream }), "line")) as [
    string,
  ];
  browser = await launchChromium();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

test.each([
  ["light", 1100],
  ["dark", 390],
] as const)(
  "on the page of examples/browser a user registers, makes pictures and signs out, %s at %i px",
  async (colorScheme, width) => {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    const pageErrors: string[] = [];
    page.on("pageerror", ({ message }) => pageErrors.push(message));
    await page.goto(url);
    const email = freshEmail("page");
    await page.getByLabel("Email").fill(email);
    await page.getByLabel("Password").fill("weakpassword");
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByRole("alert").filter({ hasText: "upper-case" }).waitFor();
    await page.getByLabel("Password").fill("Correct-horse-9");
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByLabel("What shall it show?").fill("A lighthouse [[slow 8000]]");
    await page.getByRole("button", { name: "Make a picture" }).click();
    await page.locator("li progress[value]").waitFor();
    expect(await page.locator("li label").textContent()).toMatch(/^processing, \d{1,3} %$/);
    await saveScreenshot(page, `example-browser-${colorScheme}-live`);
    await page.locator("li img").waitFor();
    await page.getByLabel("What shall it show?").fill("A lighthouse");
    await page
      .getByLabel(/photo/)
      .setInputFiles({ name: "photo.png", mimeType: "image/png", buffer: Buffer.from(png()) });
    await page.getByRole("button", { name: "Make a picture" }).click();
    await page.locator("li img").nth(1).waitFor();
    await page.waitForFunction(() => [...document.images].every(({ naturalWidth }) => naturalWidth > 0));
    await saveScreenshot(page, `example-browser-${colorScheme}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Email").waitFor();
    expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain("access_token");
    expect(pageErrors).toEqual([]);
    await page.close();
  },
);
