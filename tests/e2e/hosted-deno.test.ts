import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { registerDeveloper, registerEndUser } from "../support/api.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { png } from "../support/images.ts";
import { waitUntilHealthy } from "../support/wait-until-healthy.ts";

let base: string;
let hosted: FunctionProcess;

beforeAll(async () => {
  hosted = await startFunction(inject("stack"), "hosted", {
    REPLICATE_API_TOKEN: "r8_local_lookalike",
    REPLICATE_API_URL: `${inject("stack").urls.replicate}/v1`,
  });
  base = hosted.base;
});

afterAll(() => hosted?.end());

test("the function starts on the Deno of hosted Supabase and answers /health", async () => {
  const response = await fetch(`${base}/health`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: "healthy" });
});

test("the function reaches database and Storage on the Deno of hosted Supabase", async () => {
  expect((await waitUntilHealthy(`${base}/api/v1/health`)).body).toMatchObject({
    database: { status: "healthy" },
    storage: { status: "healthy" },
  });
});

test("the function refuses a forged token on the Deno of hosted Supabase", async () => {
  const response = await fetch(`${base}/api/v1/auth/me`, {
    headers: { Authorization: "Bearer not.a.token" },
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ code: "invalid_token" });
});

const largePicture = new Uint8Array(11 * 1024 * 1024);
largePicture.set(png());

test.each<[string, Uint8Array[], number]>([
  ["in its first bytes, with 9 MB left,", [new Uint8Array(9 * 1024 * 1024)], 415],
  ["after 10 MB, with 1 MB left,", [largePicture], 413],
])(
  "a form refused %s gets its answer every time on the Deno of hosted Supabase",
  async (_when, files, status) => {
    const { headers } = await registerEndUser((await registerDeveloper()).project);
    const seen: unknown[] = [];
    while (seen.length < 15) {
      const body = new FormData();
      body.set("instructions", "A cat");
      for (const bytes of files)
        body.append("files", new Blob([bytes as BlobPart], { type: "image/png" }), "x.png");
      const sent = fetch(`${base}/api/v1/generation/generate-v2`, { method: "POST", headers, body });
      seen.push(
        await sent.then(
          ({ status, body }) => body?.cancel().then(() => status),
          (error: Error) => String(error.cause ?? error),
        ),
      );
    }
    expect(seen).toEqual(Array(15).fill(status));
  },
);
