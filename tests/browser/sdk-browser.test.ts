import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type * as Sdk from "../../packages/client/src/index.ts";
import { bundleClient, packClient } from "../../scripts/build-client/client-package.ts";
import { inScratch } from "../../scripts/local/scratch.ts";
import { freshEmail, password, registerDeveloper } from "../support/api.ts";
import { launchChromium } from "../support/browser.ts";
import { pngSignature } from "../support/images.ts";

// Runs the minified SDK in pages of another origin than the API, with real CORS, localStorage, Web Locks and aborts.

declare global {
  var sdk: typeof Sdk;
  var client: Sdk.Client;
  var events: string[];
}

const { urls } = inject("stack");
let browser: Browser;
let context: BrowserContext;
let server: Server;
let origin: string;

beforeAll(async () => {
  const bundle = await inScratch(async (folder) => {
    await packClient(folder);
    return bundleClient(folder);
  });
  const page = '<!doctype html><script type="module">globalThis.sdk = await import("/sdk.js");</script>';
  server = createServer((request, response) => {
    const isScript = request.url === "/sdk.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? bundle : page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await launchChromium();
  context = await browser.newContext();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  server?.close();
});

type App = { url: string; developerKey: string; projectId: string; apiKey: string };
async function newApp(): Promise<App> {
  const { project } = await registerDeveloper();
  const { id: projectId, developer_key: developerKey, api_key: apiKey } = project;
  return { url: urls.gateway, developerKey, projectId, apiKey };
}

/** A page with a `client` of this app, its session in localStorage, and its session events. */
async function openTab(app: App, key: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(origin);
  await page.waitForFunction(() => globalThis.sdk !== undefined);
  await page.evaluate(
    ([options, key]) => {
      globalThis.events = [];
      globalThis.client = sdk.createClient({ ...options, session: sdk.localStorageSession({ key }) });
      client.auth.onSessionChange((_, event) => events.push(event));
    },
    [app, key] as const,
  );
  return page;
}

const register = (page: Page) =>
  page.evaluate(([email, password]) => client.auth.register({ email, password }), [
    freshEmail("browser"),
    password,
  ] as const);

test("a page of another origin registers, sends a File, waits, and decodes the picture", async () => {
  const page = await openTab(await newApp(), "story");
  await register(page);
  const result = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(32, 32);
    canvas.getContext("2d")?.fillRect(4, 4, 9, 9);
    const file = new File([await canvas.convertToBlob()], "photo.png", { type: "image/png" });
    const created = await client.generations.create({ prompt: "A watercolour", files: [file] });
    const done = await client.generations.wait(created.id);
    const blob = await client.generations.image(done);
    const bitmap = await createImageBitmap(blob);
    const bytes = [...new Uint8Array(await blob.slice(0, 8).arrayBuffer())];
    return { status: done.status, bytes, isPicture: bitmap.width > 0 };
  });
  expect(result).toEqual({ status: "completed", bytes: pngSignature, isPicture: true });
});

test("a page of another origin reads the code and the request id of an error", async () => {
  const page = await openTab(await newApp(), "errors");
  const error = await page.evaluate(async () => {
    const thrown = await client.auth
      .login({ email: "nobody@example.com", password: "x" })
      .catch((caught: unknown) => caught);
    return thrown instanceof sdk.ApiError && { code: thrown.code, requestId: thrown.requestId };
  });
  expect(error).toEqual({ code: "invalid_credentials", requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
});

test("two tabs whose session expires at the same time send one refresh", async () => {
  const app = await newApp();
  const tabs = [await openTab(app, "two-tabs"), await openTab(app, "two-tabs")];
  const [first, second] = tabs as [Page, Page];
  const { email } = await register(first);
  let refreshes = 0;
  for (const tab of tabs) {
    tab.on("request", (request) => {
      if (request.url().endsWith("/auth/refresh") && request.method() === "POST") refreshes++;
    });
  }
  await first.evaluate(() => {
    const session = JSON.parse(localStorage.getItem("two-tabs") ?? "");
    localStorage.setItem("two-tabs", JSON.stringify({ ...session, expires_at: new Date(0).toISOString() }));
  });
  await second.waitForFunction(() => localStorage.getItem("two-tabs")?.includes("1970-01-01"));
  // The first refresh waits until the other tab waits for the lock.
  await context.route("**/auth/refresh", async (route) => {
    await first.waitForFunction(async () => ((await navigator.locks.query()).pending ?? []).length > 0);
    await route.continue();
  });
  const asked = tabs.map((tab) => tab.evaluate(async () => (await client.auth.me()).email));
  expect(await Promise.all(asked)).toEqual([email, email]);
  expect(refreshes).toBe(1);
  await context.unroute("**/auth/refresh");
  await second.waitForFunction(() => events.includes("refreshed"));
});

test("a sign-in and a sign-out in one tab are events in the other tab", async () => {
  const app = await newApp();
  const [left, right] = [await openTab(app, "told"), await openTab(app, "told")];
  await register(left);
  await right.waitForFunction(() => events.includes("signed_in"));
  await left.evaluate(() => localStorage.removeItem("told"));
  await right.waitForFunction(() => events.includes("signed_out"));
  expect(await right.evaluate(() => client.auth.session())).toBeNull();
});

test("an abort ends a wait with its reason, and cancels the browser's request", async () => {
  const page = await openTab(await newApp(), "abort");
  await register(page);
  await page.route("**/events", () => {});
  const failed = page.waitForEvent("requestfailed", (request) => request.url().includes("/events"));
  const asked = page.waitForRequest((request) => request.url().includes("/events"));
  const waiting = page.evaluate(async () => {
    const controller = new AbortController();
    Object.assign(globalThis, { stop: () => controller.abort("enough") });
    const { id } = await client.generations.create({ prompt: "A lighthouse" });
    return client.generations.wait(id, { signal: controller.signal }).catch((reason: unknown) => reason);
  });
  await asked;
  await page.evaluate(() => (globalThis as unknown as { stop(): void }).stop());
  expect(await waiting).toBe("enough");
  expect((await failed).failure()?.errorText).toBe("net::ERR_ABORTED");
});

test("a page of another origin streams each state once, and progress", async () => {
  const page = await openTab(await newApp(), "live");
  await register(page);
  const told = await page.evaluate(async () => {
    const { id } = await client.generations.create({ prompt: "A lighthouse [[slow 6000]]" });
    const words: string[] = [];
    for await (const event of client.generations.stream(id))
      words.push(event.type === "status" ? event.generation.status : event.type);
    return words;
  });
  expect(told.filter((word) => word !== "progress")).toEqual(["pending", "processing", "completed"]);
  expect(told).toContain("progress");
});

test("the SDK repeats a create whose answer the browser lost, and only one generation is made", async () => {
  const page = await openTab(await newApp(), "lost");
  await register(page);
  let posts = 0;
  await page.route("**/generate-v2", async (route) => {
    if (route.request().method() !== "POST" || posts++ > 0) return route.continue();
    await route.fetch();
    await route.abort("connectionreset");
  });
  const { status, total } = await page.evaluate(async () => {
    const { id } = await client.generations.create({ prompt: "A lighthouse" });
    const { status } = await client.generations.wait(id);
    return { status, total: (await client.generations.list().page()).total };
  });
  expect({ status, total, posts }).toEqual({ status: "completed", total: 1, posts: 2 });
});

test("the error about a wrong API address says what to check, and contains no key", async () => {
  const app = await newApp();
  const page = await openTab({ ...app, url: "http://127.0.0.1:9" }, "nowhere");
  const message = await page.evaluate(() => client.health.live({ maxRetries: 0 }).catch(String));
  expect(message).toContain("ConnectionError: GET http://127.0.0.1:9/health got no answer");
  expect(message).not.toContain(app.apiKey);
});
