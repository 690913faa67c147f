import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  login,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { openDatabase } from "../support/management.ts";

const sql = openDatabase();
afterAll(() => sql.end({ timeout: 2 }));

let developer: Developer;
let user: EndUser;
beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
});
const json = { "Content-Type": "application/json" };

describe("an empty body where the body is optional", () => {
  const types = [
    "application/json",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
  ];
  const chunked = () => new ReadableStream({ start: (controller) => controller.close() });
  const emptyBodies: [string, string, () => BodyInit | null][] = types.flatMap(
    (type): [string, string, () => BodyInit | null][] => [
      [type, "with Content-Length: 0", () => ""],
      [type, "in chunks", chunked],
    ],
  );
  const send = (path: string, headers: Record<string, string>, type: string, body: () => BodyInit | null) =>
    fetch(`${inject("stack").urls.api}${path}`, {
      method: "POST",
      headers: { ...headers, ...(type === "" ? {} : { "Content-Type": type }) },
      body: body(),
      ...{ duplex: "half" },
    });

  test.each(emptyBodies)("a logout ignores an empty body of type %s %s", async (type, _, body) => {
    const session = await login(user.email, { "X-Project-ID": developer.project.id });
    const headers = { ...user.headers, ...session.headers };
    expect((await send("/auth/logout", headers, type, body)).status).toBe(204);
    expect((await api("/auth/me", { headers })).status).toBe(401);
  });

  test.each(emptyBodies)(
    "a refresh by bearer token ignores an empty body of type %s %s",
    async (type, _, body) => {
      const { refresh_token } = await login(developer.email);
      const answer = await send("/auth/refresh", { Authorization: `Bearer ${refresh_token}` }, type, body);
      expect(answer.status).toBe(200);
    },
  );

  test.each(emptyBodies)("a rotation of a key ignores an empty body of type %s %s", async (type, _, body) => {
    const { id } = developer.project;
    const key = await api(`/projects/${id}/api-keys`, { headers: developer.headers, json: { name: "a" } });
    const rotate = `/projects/${id}/api-keys/${key.body.id}/rotate`;
    expect((await send(rotate, developer.headers, type, body)).status).toBe(201);
    const own = await api("/auth/developer-keys", { headers: developer.headers, json: { name: "a" } });
    const answer = await send(`/auth/developer-keys/${own.body.id}/rotate`, developer.headers, type, body);
    expect(answer.status).toBe(201);
    const { id: rotated } = (await answer.json()) as { id: string };
    await sql`update public.developer_keys set revoked_at = now() where id in (${own.body.id}, ${rotated})`;
    await sql`update public.api_keys set revoked_at = now() where project_id = ${id} and name = 'a' and revoked_at is null`;
  });

  test.each(emptyBodies)(
    "a cancel of a generation ignores an empty body of type %s %s",
    async (type, _, body) => {
      const { headers } = user;
      const made = await api("/generation/generate-v2", {
        headers,
        json: { prompt: "A [[stall]] lighthouse" },
      });
      expect((await send(`/generation/${made.body.id}/cancel`, headers, type, body)).status).toBe(200);
    },
  );

  test("a logout with a body of text is refused with 415", async () => {
    const answer = await api("/auth/logout", {
      method: "POST",
      headers: { ...user.headers, "Content-Type": "text/plain" },
      body: "x",
    });
    expect(errorOf(answer)).toMatchObject({ status: 415, code: "unsupported_media_type" });
  });
});

describe("empty, null and absent values", () => {
  test("an empty query parameter counts as absent", async () => {
    const { headers } = developer;
    const { id } = developer.project;
    for (const path of [
      "/projects?page=&page_size=&search=&is_active=",
      `/projects/${id}/users?page=&page_size=&search=&is_active=`,
      "/projects/users?is_active=",
      "/generation/public?page=&per_page=&cursor=&",
    ]) {
      expect([path, (await api(path, { headers })).status]).toEqual([path, 200]);
    }
    const [made] = [await api("/generation/generate-v2", { headers: user.headers, json: { prompt: "A" } })];
    const status = await api(`/generation/${made.body.id}/status?wait=`, { headers: user.headers });
    expect(status.status).toBe(200);
    expect(
      (await api(`/generation/${made.body.id}/image?index=&ticket=`, { headers: user.headers })).status,
    ).not.toBe(422);
  });

  test("an empty optional header counts as absent", async () => {
    const empty = { "X-User-Role": "", "X-Operator-Key": "", "Idempotency-Key": "", "X-Request-Id": "" };
    const answer = await api("/generation/generate-v2", {
      headers: { ...user.headers, ...empty },
      json: { prompt: "A" },
    });
    expect(answer.status).toBe(200);
    const none = { "X-Project-ID": "", "X-Developer-Key": "", "X-API-Key": "", Authorization: "" };
    const signedIn = await api("/auth/login", { headers: none, json: { email: developer.email, password } });
    expect(signedIn.status).toBe(200);
  });

  test.each([null, ""])(
    "an optional JSON field with %j counts as absent, and a required one is refused",
    async (empty) => {
      const { headers } = developer;
      const { id } = developer.project;
      const project = await api("/projects", {
        headers,
        json: {
          name: "Empty",
          description: empty,
          email_verification: empty,
          allowed_origins: empty,
          site_url: empty,
        },
      });
      expect([project.status, project.body.email_verification, project.body.site_url]).toEqual([
        201,
        "optional",
        null,
      ]);
      const key = await api(`/projects/${id}/api-keys`, {
        headers,
        json: { name: "a", expires_at: empty },
      });
      expect([key.status, key.body.expires_at]).toEqual([201, null]);
      const uploads = await api("/generation/uploads", { headers: user.headers, json: { count: empty } });
      expect([uploads.status, uploads.body.uploads?.length]).toEqual([201, 1]);
      const required = await api("/projects", { headers, json: { name: empty } });
      expect(required.status).toBe(422);
      await api(`/projects/${project.body.id}`, { method: "DELETE", headers });
    },
  );
});

describe("numbers in a query", () => {
  test.each(["0x10", "1e1", "1.0", "-1", "%2B1", "1%202", "٧", "Infinity", "NaN", "10000000000"])(
    "a query parameter refuses %s as a number",
    async (number) => {
      const { headers } = developer;
      for (const path of [
        "/projects?page=",
        "/projects?page_size=",
        `/generation/${crypto.randomUUID()}/status?wait=`,
        "/generation/public?page=",
      ]) {
        if (path.endsWith("wait=") && number === "1.0") continue;
        const sent = path.startsWith("/generation/") ? user.headers : headers;
        expect([
          path,
          (await api(`${path}${encodeURI(decodeURI(number))}`, { headers: sent })).status,
        ]).toEqual([path, 422]);
      }
    },
  );
});

describe("charset and encoding of a body", () => {
  const signIn = () => JSON.stringify({ email: developer.email, password });
  test("a body in UTF-16 or Latin-1 is read if its content type says so", async () => {
    for (const [charset, encoding] of [
      ["utf-16le", "utf16le"],
      ["iso-8859-1", "latin1"],
      ["UTF-8", "utf8"],
    ] as const) {
      const headers = { "Content-Type": `application/json; charset=${charset}` };
      const answer = await api("/auth/login", {
        method: "POST",
        headers,
        body: Buffer.from(signIn(), encoding) as BodyInit,
      });
      expect([charset, answer.status]).toEqual([charset, 200]);
    }
  });
  test("a body in an unknown charset is refused", async () => {
    const headers = { "Content-Type": "application/json; charset=utf-7" };
    const answer = await api("/auth/login", { method: "POST", headers, body: signIn() });
    expect(errorOf(answer)).toMatchObject({ status: 415, code: "unsupported_media_type" });
  });
  test("a compressed body is refused, and the answer names the encoding", async () => {
    const headers = { ...json, "Content-Encoding": "gzip" };
    const answer = await api("/auth/login", {
      method: "POST",
      headers,
      body: gzipSync(signIn()) as BodyInit,
    });
    expect(errorOf(answer)).toMatchObject({
      status: 415,
      code: "unsupported_media_type",
      detail: expect.stringContaining("gzip"),
    });
  });
});

test("a login accepts bodies up to 16 kB and a project up to 64 kB", async () => {
  const padded = (bytes: number) => " ".repeat(bytes);
  const send = async (path: string, headers: Record<string, string>, body: string) =>
    (await api(path, { method: "POST", headers: { ...json, ...headers }, body })).status;
  const credentials = JSON.stringify({ email: developer.email, password });
  expect(await send("/auth/login", {}, credentials + padded(16_000))).toBe(200);
  expect(await send("/auth/login", {}, credentials + padded(17_000))).toBe(413);
  const project = JSON.stringify({ name: "x".repeat(255), description: "\u0301".repeat(1000) });
  expect(await send("/projects", developer.headers, project + padded(50_000))).toBe(201);
  expect(await send("/projects", developer.headers, project + padded(70_000))).toBe(413);
});
