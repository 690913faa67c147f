import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { createOperator } from "../../scripts/operator/operators.ts";
import { api, type Developer, freshEmail, password, registerDeveloper } from "../support/api.ts";
import { launchChromium, saveScreenshot } from "../support/browser.ts";
import { png } from "../support/images.ts";
import { lockAnonymousLimits } from "../support/lock-anonymous-limits.ts";
import { mailTo, tokenOf } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";
import type { KitEnv } from "../support/starter-kit.ts";
import { StarterKitApp } from "../support/starter-kit-app.ts";

// A user goes through the pages of the Starter Kit in a browser, in each of its modes.

const { urls, credentials } = inject("stack");
lockAnonymousLimits();
const sql = openDatabase();
const base = urls.base ?? urls.gateway;
let browser: Browser;
let owner: Developer;
let page: Page;
let app: StarterKitApp;
let site: string;
let pageErrors: string[];

beforeAll(async () => {
  browser = await launchChromium();
  owner = await registerDeveloper();
});
afterAll(() => browser.close());
beforeEach(async () => {
  page = await browser.newPage();
  pageErrors = [];
  page.on("console", (message) => message.type() === "error" && pageErrors.push(message.text()));
  page.on("pageerror", (error) => pageErrors.push(String(error)));
});
afterEach(async () => {
  await page.close();
  app.stop();
});

async function open(env: KitEnv, path: string): Promise<void> {
  app = new StarterKitApp(env);
  site = await app.start();
  await page.goto(`${site}${path}`);
}

async function enter(email: string, button: string): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: button }).click();
}

test("in project mode a user registers, sees billing, signs out and in, and makes an anonymous picture", async () => {
  const { id: project_id, developer_key, api_key: project_key } = owner.project;
  await open({ mode: "project", api: base, developer_key, project_id, project_key }, "/dashboard");
  // Without a session the dashboard leads to the login.
  await page.getByRole("heading", { name: "Login" }).waitFor();
  await page.goto(`${site}/register`);
  const email = freshEmail("kit");
  await page.getByLabel("Full name").fill("Ada Lovelace");
  await enter(email, "Create account");
  await page.getByRole("heading", { name: "Welcome, Ada Lovelace" }).waitFor();
  await page.getByText("end_user at /dashboard").waitFor();
  await saveScreenshot(page, "kit-1-dashboard");

  await page.goto(`${site}/billing`);
  await page.getByText("You don't have an active subscription.").waitFor();
  await page.getByText("0 payments").waitFor();
  await page.getByRole("button", { name: "Subscribe" }).click();
  expect(await page.getByRole("alert").textContent()).toBe("This service does not offer payments.");

  await page.goto(`${site}/dashboard`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await enter(email, "Sign in");
  await page.getByRole("heading", { name: "Welcome, Ada Lovelace" }).waitFor();

  await page.goto(`${site}/image`);
  const file = { name: "IMG 0001.png", mimeType: "image/png", buffer: Buffer.from(png()) };
  await page.getByLabel("Example Images").setInputFiles(file);
  const make = async (instructions: string) => {
    await page.getByLabel("Instructions").fill(instructions);
    await page.getByRole("button", { name: "Generate Image" }).click();
  };
  await make("x".repeat(1_001));
  await page.getByText("The prompt may have at most 1000 characters.").waitFor();
  // The browser reports the 422 as an error.
  pageErrors = [];
  await make("Make it a watercolour");
  await page.getByText("completed").waitFor();
  await page.waitForFunction(
    () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 2,
  );
  await saveScreenshot(page, "kit-2-picture");
  expect(pageErrors).toEqual([]);
});

test("in console mode a developer signs in and reaches the console", async () => {
  await open({ mode: "console", api: base, developer_key: owner.project.developer_key }, "/login");
  await enter(owner.email, "Sign in");
  await page.getByText("developer at /console").waitFor();
  await saveScreenshot(page, "kit-3-console");
  expect(pageErrors).toEqual([]);
});

test("in operator mode an operator signs in and reaches the portal, and a developer registers", async () => {
  const operator = freshEmail("operator");
  await createOperator(sql, operator, "Grace Hopper");
  await api("/auth/request-password-reset", { json: { email: operator } });
  const token = tokenOf(await mailTo(operator, "Set a new password"));
  await api("/auth/reset-password", { json: { token, password } });

  await open({ mode: "operator", api: base, operator_key: credentials.operator_key ?? "" }, "/login");
  await enter(operator, "Sign in");
  await page.getByRole("heading", { name: "Welcome, Grace Hopper" }).waitFor();
  await page.getByText("platform_operator at /portal").waitFor();
  await saveScreenshot(page, "kit-4-portal");

  await page.goto(`${site}/register`);
  const developer = freshEmail("developer");
  await enter(developer, "Create account");
  await page.getByRole("heading", { name: "Your project is ready" }).waitFor();
  await page.goto(`${site}/login`);
  await enter(developer, "Sign in");
  await page.getByText("developer at /console").waitFor();
  expect(pageErrors).toEqual([]);
});
