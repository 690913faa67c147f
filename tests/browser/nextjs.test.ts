import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject, test } from "vitest";
import { packClient } from "../../scripts/build-client/client-package.ts";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import {
  api,
  freshEmail,
  login,
  type Project,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { launchChromium, saveScreenshot } from "../support/browser.ts";
import { mailTo, type ReceivedMail } from "../support/mail.ts";
import { runProgram } from "../support/runtimes.ts";

// Runs the example as its README says: installed by npm, with the packed SDK and the .env of npm start.

const { urls } = inject("stack");
const folder = mkdtempSync(join(tmpdir(), "cloud-api-nextjs-"));
const app = join(folder, "app");
/** With Vitest's NODE_ENV, Next.js would not read .env.local. */
const env = { NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: undefined };
let browser: Browser;
let server: ChildProcess | undefined;
let project: Project;
let developer: Record<string, string>;

beforeAll(async () => {
  const packed = join(folder, "packed");
  mkdirSync(packed);
  const tarball = await packClient(packed);
  cpSync(join(repositoryRoot, "examples/nextjs"), app, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(app, "package.json"), "utf8"));
  manifest.dependencies["@devkit4ai/client"] = `file:${tarball}`;
  writeFileSync(join(app, "package.json"), JSON.stringify(manifest));
  ({ project, headers: developer } = await registerDeveloper());
  const lines = [
    `NEXT_PUBLIC_API_URL=${urls.gateway}`,
    `DEVKIT4AI_DEVELOPER_KEY=${project.developer_key}`,
    `DEVKIT4AI_PROJECT_ID=${project.id}`,
    `DEVKIT4AI_PROJECT_KEY=${project.api_key}`,
  ];
  writeFileSync(join(app, ".env.local"), `${lines.join("\n")}\n`);
  for (const args of [
    ["install", "--no-audit", "--no-fund", "--prefer-offline"],
    ["run", "build"],
  ]) {
    const { code, output } = await runProgram("npm", args, app, env);
    if (code !== 0) throw new Error(output);
  }
  browser = await launchChromium();
}, 600_000);
afterEach(() => {
  if (server?.pid !== undefined) process.kill(-server.pid);
  server = undefined;
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts the app by one of its scripts. @returns its address once it answers. */
async function startApp(script: "dev" | "start"): Promise<string> {
  const port = await findFreeBase();
  const child = spawn("npm", ["run", script, "--", "--port", String(port)], {
    cwd: app,
    // npm does not pass signals to Next.js, so the test kills their process group.
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, NODE_OPTIONS: "", ...env },
  });
  server = child;
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", (chunk) => {
      if (String(chunk).includes("Ready")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`next ${script} ended with ${code}`)));
  });
  return `http://localhost:${port}`;
}

async function enter(page: Page, email: string, button: string): Promise<void> {
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: button }).click();
  await page.getByLabel("What shall it show?").waitFor();
}

test.each(["start", "dev"] as const)(
  "a session that was ended elsewhere leads to the sign-in page, and the user can sign in again (next %s)",
  { timeout: 180_000 },
  async (script) => {
    const url = await startApp(script);
    const page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(url);
    const email = freshEmail("next");
    await enter(page, email, "Create an account");
    const events = page.waitForResponse(/\/pictures\/[0-9a-f-]{36}\/events$/);
    await page.getByRole("button", { name: "Make a picture" }).click();
    expect((await events).headers()["content-type"]).toBe("text/event-stream");
    const foreign = await page.request.get(`${url}/pictures/${crypto.randomUUID()}/events`);
    expect(foreign.status()).toBe(404);
    await page.locator("li img").waitFor();
    await saveScreenshot(page, `example-nextjs-${script}`);

    const headers = { "X-Project-ID": project.id };
    const { body } = await api<{ access_token: string }>("/auth/login", {
      headers,
      json: { email, password },
    });
    const bearer = { Authorization: `Bearer ${body.access_token}` };
    const { status } = await api("/auth/logout", { headers: bearer, json: { scope: "others" } });
    expect(status).toBe(204);

    for (const _ of ["first visit", "second visit"]) {
      const answer = await page.goto(`${url}/pictures`);
      expect(answer?.status()).toBe(200);
      await page.getByLabel("Email").waitFor();
      expect(new URL(page.url()).pathname).toBe("/");
    }
    await enter(page, email, "Sign in");
    await page.locator("li img").waitFor();
    // Without a session the form's action redirects to the sign-in page too.
    await api("/auth/logout", { headers: bearer, json: { scope: "global" } });
    await page.getByRole("button", { name: "Make a picture" }).click();
    await page.getByLabel("Email").waitFor();
    await page.close();
  },
);

test("the pages of the Next.js example confirm an address and set a password from links in mails", {
  timeout: 180_000,
}, async () => {
  const url = await startApp("start");
  await api(`/projects/${project.id}`, {
    method: "PATCH",
    headers: developer,
    json: { verify_url: `${url}/verify-email`, reset_url: `${url}/reset-password` },
  });
  const { email } = await registerEndUser(project);
  const linkOf = (mail: ReceivedMail) => /http:\/\/localhost\S+token=\S+/.exec(mail.text)?.[0] ?? "";
  const page = await browser.newPage();
  page.setDefaultTimeout(60_000);

  const link = linkOf(await mailTo(email, "Confirm your address"));
  await page.goto(link);
  await page.getByRole("button", { name: "Confirm address" }).click();
  await page.getByText("This address is confirmed").waitFor();
  expect(page.url()).toBe(`${url}/verify-email`);
  await page.goto(link);
  await page.getByText("This address is confirmed").waitFor();
  expect(await page.getByRole("button").count()).toBe(0);

  await page.goto(`${url}/reset-password?token=${"0".repeat(64)}`);
  await page.getByRole("button", { name: "Send me a mail" }).waitFor();
  await api("/auth/request-password-reset", { headers: { "X-Project-ID": project.id }, json: { email } });
  await page.goto(linkOf(await mailTo(email, "Set a new password")));
  await page.getByLabel("New password").fill("Another-horse-8");
  await page.getByLabel("Repeat the password").fill("Another-horse-8");
  await page.getByRole("button", { name: "Set password" }).click();
  await page.getByText("Your new password is set").waitFor();
  await saveScreenshot(page, "example-nextjs-reset");
  expect((await login(email, { "X-Project-ID": project.id }, "Another-horse-8")).token).toBeTruthy();
  await page.close();
});
