import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type EndUser, type Project, registerDeveloper, registerEndUser } from "../support/api.ts";
import { type Body, formOf, freshPrompt, GenerationStack, photo } from "../support/generation.ts";
import { createApi } from "../support/served-api.ts";
import { until } from "../support/until.ts";

const replicate = "https://api.replicate.com/v1";
const stack = new GenerationStack(inject("stack"));
const server = setupServer();
let project: Project;
let user: EndUser;

beforeAll(async () => {
  server.listen({ onUnhandledFrame: "bypass" });
  ({ project } = await registerDeveloper());
  await stack.setPlan(project.id, "premium");
  user = await registerEndUser(project);
});
afterAll(async () => {
  server.close();
  await stack.close();
});

test.each([
  "http://127.0.0.1:54321",
  "http://192.168.1.20:54321",
  "http://macbook.local",
  "http://[fd00::1]",
])(
  "with PUBLIC_URL=%s photos are sent as data: URLs without a webhook, and the API polls the prediction",
  async (publicUrl) => {
    const created: Body[] = [];
    let asked = 0;
    const id = crypto.randomUUID();
    server.use(
      http.post(`${replicate}/models/*/predictions`, async ({ request }) => {
        created.push((await request.json()) as Body);
        return HttpResponse.json({ id, status: "starting" }, { status: 201 });
      }),
      http.get(`${replicate}/predictions/${id}`, () => {
        asked++;
        return HttpResponse.json({ id, status: "succeeded", output: `https://replicate.delivery/${id}.png` });
      }),
      http.get(
        `https://replicate.delivery/${id}.png`,
        async () => new HttpResponse(await photo(5).arrayBuffer()),
      ),
    );
    const api = createApi({ PUBLIC_URL: publicUrl, REPLICATE_API_URL: replicate, LOG_REQUESTS: "none" });
    const answer = await api(
      new Request("http://api/api/v1/generation/generate-v2", {
        method: "POST",
        headers: user.headers,
        body: formOf(freshPrompt(), [photo(9)]),
      }),
    );
    const generation = (await answer.json()) as Body;
    expect(answer.status).toBe(200);
    await until(
      "it is completed",
      () => stack.rowOf(generation.id),
      ({ status }) => status === "completed",
    );
    expect(asked).toBe(1);
    expect(created).toHaveLength(1);
    expect(created[0]).not.toHaveProperty("webhook");
    expect(created[0]?.input.image_input).toEqual([expect.stringMatching(/^data:image\/png;base64,iVBOR/)]);
  },
);

test("without PUBLIC_URL clients get URLs of the local gateway, not of the container network", async () => {
  const api = createApi({ SUPABASE_URL: "http://kong:8000", PUBLIC_URL: "", LOG_REQUESTS: "none" });
  const { id } = await stack.makeGeneration(freshPrompt(), user.headers);
  const status = await api(
    new Request(`http://kong:8000/api/v1/generation/${id}/status?wait=20`, { headers: user.headers }),
  );
  expect(((await status.json()) as Body).generated_image_url).toMatch(
    /^http:\/\/127\.0\.0\.1:54321\/functions\/v1\/api\/v1\/generation\//,
  );
});
