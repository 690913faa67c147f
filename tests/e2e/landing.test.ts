import { createHash } from "node:crypto";
import { request as openRequest } from "node:http";
import { afterAll, expect, inject, test } from "vitest";
import { landingPage, landingPolicy } from "../../scripts/local/landing-html.ts";
import { registerDeveloper, registerEndUser } from "../support/api.ts";
import { freshPrompt, GenerationStack } from "../support/generation.ts";

const target = inject("stack");
const { urls, credentials } = target;
const secrets = [
  credentials.developer_key,
  credentials.api_key,
  credentials.developer_password,
  credentials.operator_key,
] as string[];
const stack = new GenerationStack(target);
afterAll(() => stack.close());

type Asked = { status: number | undefined; headers: Record<string, unknown>; text: string };

/** Sends exactly these headers. `fetch` would set the host and the fetch metadata itself. */
function ask(headers: Record<string, string>, method = "GET", path = "/"): Promise<Asked> {
  return new Promise((resolve, reject) => {
    openRequest(`${urls.gateway}${path}`, { headers, method }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      answer.once("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    })
      .once("error", reject)
      .end();
  });
}

const browser = {
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
};

test("the landing page shows a browser the keys of the demo project, but not the operator's key", async () => {
  const { status, headers, text } = await ask(browser);
  expect([status, headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
  for (const shown of [credentials.project_id, ...secrets.slice(0, 3)]) expect(text).toContain(shown);
  expect(text).not.toContain(credentials.operator_key);
  for (const link of [urls.inbox, "/docs/", "/docs/quick-start.html", "/openapi.json"])
    expect(text).toContain(`href="${link}"`);
});

test("a client that is no browser gets the index of the API as JSON, from any origin", async () => {
  const { headers, text } = await ask({ accept: "*/*", origin: "https://app.test" });
  expect(headers["access-control-allow-origin"]).toBe("*");
  expect(JSON.parse(text)).toMatchObject({ name: "Cloud API", api: "/api/v1" });
});

test("the landing page cannot be cached, framed, or read by another origin", async () => {
  const { headers } = await ask(browser);
  expect(Object.keys(headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
  expect(headers).toMatchObject({
    "cache-control": "no-store",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
  });
  expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
});

test.each([
  ["a host name that an attacker points to this machine", { ...browser, host: "attacker.test" }],
  [
    "a foreign host name with the gateway's port",
    { ...browser, host: `attacker.test:${new URL(urls.gateway).port}` },
  ],
  ["a host name that begins with 127.0.0.1", { ...browser, host: "127.0.0.1.attacker.test" }],
  ["`fetch` in a script", { ...browser, "sec-fetch-dest": "empty", "sec-fetch-mode": "cors" }],
  ["a script of another origin", { accept: "text/html", origin: "https://attacker.test" }],
  ["an iframe", { ...browser, "sec-fetch-dest": "iframe" }],
  ["a <script> or <img> tag", { ...browser, "sec-fetch-dest": "script" }],
])("a request by %s gets no keys from the landing page", async (_, headers) => {
  const { text } = await ask(headers);
  for (const secret of secrets) expect(text).not.toContain(secret);
  const { name, code } = JSON.parse(text) as { name?: string; code?: string };
  expect(name ?? code).toMatch(/^(Cloud API|host_not_local)$/);
});

test("/docs/demo.json gives the keys of the demo project to scripts of its own origin only", async () => {
  const demo = async (site: string) => {
    const { status, text } = await ask({ "sec-fetch-site": site }, "GET", "/docs/demo.json");
    return [status, JSON.parse(text)];
  };
  const { developer_key, project_id, api_key } = credentials;
  expect(await demo("same-origin")).toEqual([200, { developer_key, project_id, api_key }]);
  for (const site of ["", "none", "same-site", "cross-site"]) expect(await demo(site)).toEqual([403, {}]);
  const rebound = await ask(
    { "sec-fetch-site": "same-origin", host: "attacker.test" },
    "GET",
    "/docs/demo.json",
  );
  for (const secret of secrets) expect(rebound.text).not.toContain(secret);
});

test("a form that is posted to the landing page gets no keys", async () => {
  const { text } = await ask({ ...browser, "content-length": "0" }, "POST");
  for (const secret of secrets) expect(text).not.toContain(secret);
});

test("the landing page works under localhost, 127.0.0.1 and [::1]", async () => {
  for (const host of ["localhost:8080", "127.0.0.1", "[::1]:54321"])
    expect((await ask({ ...browser, host })).text).toContain(credentials.api_key);
});

test("the landing page shows the latest generations as pictures that open without a key", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const prompt = freshPrompt("A boat & <b>a</b> lake");
  const { id } = await stack.makeGeneration(prompt, user.headers);
  expect(await stack.waitForEnd(id, user.headers)).toMatchObject({ status: "completed" });
  // Newer than the generations that other suites create meanwhile.
  await stack.sql`update public.generations set created_at = now() + interval '1 hour' where id = ${id}`;
  const { text } = await ask(browser);
  const src = new RegExp(`src="(/api/v1/generation/${id}/image[^"]+)"`).exec(text)?.[1] ?? "";
  const image = await fetch(urls.gateway + src.replaceAll("&#38;", "&"));
  expect([image.status, image.headers.get("content-type")]).toEqual([200, "image/png"]);
  expect(text).toContain("drawn by the local stand-in; set REPLICATE_API_TOKEN for real ones");
  expect(text).toContain(prompt.replace("&", "&#38;").replaceAll("<", "&#60;").replaceAll(">", "&#62;"));
});

test("the landing page escapes all text that users typed, and its policy allows only its own script", () => {
  const evil = `"><img src=x onerror=alert(1)>'</script>`;
  const facts = {
    urls: { ...urls, studio: evil, inbox: evil, smtp: evil, replicate: undefined },
    credentials: {
      operator_email: evil,
      operator_key: evil,
      developer_email: evil,
      developer_password: evil,
      developer_key: evil,
      project_id: evil,
      api_key: evil,
    },
    paths: { sample: evil } as never,
  } as Parameters<typeof landingPage>[0];
  const html = landingPage(facts, [{ src: evil, prompt: evil }]);
  expect(html).not.toContain("<img src=x");
  const scripts = Array.from(html.matchAll(/<script>(.*?)<\/script>/gs), ([, code = ""]) => code);
  expect(scripts).toHaveLength(1);
  const hash = createHash("sha256")
    .update(scripts[0] ?? "")
    .digest("base64");
  expect(landingPolicy(facts)).toContain(`script-src 'sha256-${hash}';`);
  expect(html).not.toMatch(/\son\w+=(?!alert)|\sstyle="/);
});
