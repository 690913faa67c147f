import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import {
  api,
  freshEmail,
  type Headed,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { type Operation, operations } from "../support/contract/document.ts";
import { observe } from "../support/contract/observe.ts";
import { exampleRequest } from "../support/contract/request.ts";
import { formOf, GenerationStack } from "../support/generation.ts";
import { lockAnonymousLimits } from "../support/lock-anonymous-limits.ts";
import { mailTo, tokenOf } from "../support/mail.ts";
import { operatorHeaders } from "../support/management.ts";
import { createApi, type Served, serve } from "../support/served-api.ts";
import { signedWebhook } from "../support/signed-webhook.ts";

// The API runs in this process: once without a database, and once with an Auth and a Storage that answer nonsense.

lockAnonymousLimits();

const { urls } = inject("stack");
const stack = new GenerationStack(inject("stack"));
const faults: [RegExp, number][] = [];
const broken: Served[] = [];
let withoutDatabase: string;
let withFaults: string;
let world: {
  developer: Headed;
  user: Headed;
  project: Headed;
  project_id: string;
  user_id: string;
  email: string;
};
let picture: { id: string; image: string; example: string };

beforeAll(async () => {
  const platform = await serve(async (request) => {
    const { pathname, search } = new URL(request.url);
    const status = faults.find(([pattern]) => pattern.test(`${request.method} ${pathname}`))?.[1];
    if (status !== undefined) return Response.json({ message: "nonsense" }, { status });
    const { method, headers } = request;
    const body = request.body === null ? null : await request.arrayBuffer();
    return fetch(`${urls.gateway}${pathname}${search}`, { method, headers, body });
  });
  // Nobody listens at port 9. With 100 connections no request waits for the retries of another.
  const dead = await serve(
    createApi({
      DATABASE_URL: "postgresql://postgres:x@127.0.0.1:9/postgres",
      REDIS_URL: "redis://127.0.0.1:9",
      DB_POOL_SIZE: "100",
    }),
  );
  const faulty = await serve(
    createApi({
      SUPABASE_URL: platform.url,
      REPLICATE_API_URL: `${platform.url}/replicate`,
    }),
  );
  broken.push(platform, dead, faulty);
  [withoutDatabase, withFaults] = [dead.url, faulty.url];

  const { headers: developer, project } = await registerDeveloper();
  const user = await registerEndUser(project);
  world = {
    developer,
    user: user.headers,
    project: project.headers,
    project_id: project.id,
    user_id: user.id,
    email: user.email,
  };
  const { body } = await api("/generation/generate-v2", {
    method: "POST",
    headers: user.headers,
    body: formOf("A lighthouse"),
  });
  const { generated_image_url, example_images } = await stack.waitForEnd(body.id, user.headers);
  picture = { id: body.id, image: generated_image_url, example: example_images[0] };
});
afterAll(async () => {
  await Promise.all(broken.map(({ stop }) => stop()));
  await stack.close();
});

async function withFault<T>(pattern: RegExp, status: number, work: () => Promise<T>): Promise<T> {
  faults.push([pattern, status]);
  try {
    return await work();
  } finally {
    faults.length = 0;
  }
}

describe("with a database that does not answer", () => {
  // Storage works here. A test below covers its outage.
  const affected = operations.filter(({ id, responses }) => responses[503] && id !== "health.storage");

  function headersOf({ id, path, security }: Operation): Headed {
    const named = security.map((choice) => Object.keys(choice).join(" "));
    if (id === "auth.register") return world.project;
    if (named[0] === "operatorKey") return operatorHeaders;
    if (path.includes("/generation")) return world.user;
    return named.includes("accessToken") ? world.developer : {};
  }

  test.concurrent.each(affected.map((operation) => [operation.id, operation] as const))(
    "%s answers 503 with a code when the database is unreachable",
    async (id, operation) => {
      // Auth refuses an unknown refresh token before the database is queried.
      if (id === "auth.refresh")
        return expectDown("/api/v1/auth/refresh", operation, await freshRefreshToken());
      const { path, json } = exampleRequest(operation);
      await expectDown(path, operation, json);
    },
  );

  async function expectDown(path: string, operation: Operation, json: unknown): Promise<void> {
    const body = json === undefined ? undefined : JSON.stringify(json);
    const { status, body: answer } = await api(`${withoutDatabase}${path}`, {
      method: operation.method,
      headers: {
        ...headersOf(operation),
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(operation.id === "webhooks.replicate" && signedWebhook(body ?? "")),
      },
      ...(body !== undefined && { body }),
    });
    expect(status, JSON.stringify(answer)).toBe(503);
    expect(answer.code ?? answer.status).toMatch(/^(database_unavailable|unhealthy)$/);
  }

  async function freshRefreshToken() {
    const { body } = await api("/auth/login", {
      headers: world.project,
      json: { email: world.email, password },
    });
    return { refresh_token: body.refresh_token };
  }
});

describe("with an Auth that answers nonsense", () => {
  const call = (method: string, path: string, headers: Headed, json?: unknown) =>
    api(`${withFaults}/api/v1${path}`, { method, headers, json });
  const admin = /^\w+ \/auth\/v1\/admin/;

  test.each<[string, RegExp, () => Promise<{ status: number; body: Record<string, any> }>]>([
    [
      "a registration",
      admin,
      () => call("POST", "/auth/register", world.project, { email: freshEmail(), password }),
    ],
    ["the deletion of one's account", admin, () => call("DELETE", "/auth/me", world.user, { password })],
    [
      "the deletion of an end user",
      admin,
      () => call("DELETE", `/projects/${world.project_id}/users/${world.user_id}`, world.developer),
    ],
    [
      "a change of password",
      /^PUT \/auth\/v1\/user$/,
      () =>
        call("POST", "/auth/change-password", world.user, {
          current_password: password,
          new_password: "Better-horse-10",
        }),
    ],
    [
      "a reset of password",
      admin,
      async () => {
        await api("/auth/request-password-reset", { headers: world.project, json: { email: world.email } });
        const token = tokenOf(await mailTo(world.email, "password"));
        return call("POST", "/auth/reset-password", {}, { token, password: "Better-horse-10" });
      },
    ],
    [
      "a change of address",
      /^POST \/auth\/v1\/token/,
      () => call("POST", "/auth/change-email", world.user, { password, new_email: freshEmail() }),
    ],
    [
      "the confirmation of a developer's new address",
      admin,
      async () => {
        const { headers } = await registerDeveloper();
        const new_email = freshEmail("moved");
        await api("/auth/change-email", { headers, json: { password, new_email } });
        const token = tokenOf(await mailTo(new_email, "address"));
        return call("POST", "/auth/verify-email", {}, { token });
      },
    ],
    [
      "the offer of a project",
      /^POST \/auth\/v1\/token/,
      () =>
        call("POST", `/projects/${world.project_id}/transfer`, world.developer, {
          email: freshEmail(),
          password,
        }),
    ],
  ])("%s is 502 when Auth answers nonsense", async (_, pattern, send) => {
    const { status, body } = await withFault(pattern, 418, send);
    expect([status, body.code]).toEqual([502, "auth_error"]);
  });

  test("a refresh is 429 with Retry-After when Auth answers 429", async () => {
    const { status, headers } = await withFault(/^POST \/auth\/v1\/token/, 429, () =>
      call("POST", "/auth/refresh", {}, { refresh_token: "any" }),
    );
    expect(status).toBe(429);
    expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("with a Storage that answers nonsense", () => {
  const words = () => formOf("A lighthouse");
  const moved = (url: string) => url.replace(urls.gateway, withFaults);

  test.each<[string, () => Promise<{ status: number; body: Record<string, any> }>]>([
    [
      "a create with a photo",
      () =>
        api(`${withFaults}/api/v1/generation/generate-v2`, {
          method: "POST",
          headers: world.user,
          body: words(),
        }),
    ],
    [
      "a create without an account",
      () => api(`${withFaults}/api/v1/generation/generate-anonymous-v2`, { method: "POST", body: words() }),
    ],
    [
      "a request for upload URLs",
      () => api(`${withFaults}/api/v1/generation/uploads`, { headers: world.user, json: { count: 1 } }),
    ],
    ["the download of a result", () => api(moved(picture.image))],
    ["the download of an input photo", () => api(moved(picture.example))],
  ])("%s is 502 when Storage answers nonsense", async (_, send) => {
    const { status, body } = await withFault(/\/storage\/v1\//, 418, send);
    expect([status, body.code]).toEqual([502, "storage_error"]);
  });

  test("the health of Storage is 503 when Storage answers nonsense", async () => {
    const ask = () => api(`${withFaults}/api/v1/health/storage`);
    expect((await withFault(/\/storage\/v1\//, 418, ask)).status).toBe(503);
  });
});

test("a webhook is 502 while Replicate does not give its webhook secret, so that Replicate repeats it", async () => {
  const { status, body } = await withFault(/\/replicate\//, 418, () =>
    api(`${withFaults}/api/v1/generation/webhooks/replicate?generation_id=${picture.id}`, {
      json: { id: "x", status: "succeeded" },
    }),
  );
  expect([status, body.code]).toEqual([502, "replicate_error"]);
});

test("every operation that reads a body answers 408 when the body stops arriving", async () => {
  const handler = createApi({});
  const reading = operations.filter(({ responses }) => responses[408]);
  const statuses = new Map<string, number>();
  let waiting = 0;
  /** A body of one byte that never ends. */
  const stalled = () =>
    new ReadableStream<Uint8Array>(
      {
        start: (controller) => controller.enqueue(new Uint8Array(1)),
        pull: () => new Promise<void>(() => waiting++),
      },
      { highWaterMark: 0 },
    );
  // The driver uses the clock, so the connections are opened before the clock is replaced.
  const me = () => handler(new Request("http://api.test/api/v1/auth/me", { headers: world.user }));
  await Promise.all(Array.from({ length: 10 }, me));
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  try {
    const all = Promise.all(
      reading.map(async (operation) => {
        const { path } = exampleRequest(operation);
        const answer = await handler(
          new Request(`http://api.test${path}`, {
            method: operation.method,
            headers: { ...world.user, "Content-Type": "application/json" },
            body: stalled(),
            ...{ duplex: "half" },
          }),
        );
        observe(operation.method, path.replace(/\?.*/, ""), answer);
        statuses.set(operation.id, answer.status);
      }),
    );
    while (waiting < reading.length) await new Promise((resolve) => setImmediate(resolve));
    await vi.advanceTimersByTimeAsync(11_000);
    await all;
  } finally {
    vi.useRealTimers();
  }
  expect(Object.fromEntries(statuses)).toEqual(Object.fromEntries(reading.map(({ id }) => [id, 408])));
});
