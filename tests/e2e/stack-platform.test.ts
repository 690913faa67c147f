import { readdirSync } from "node:fs";
import { createClient, type SupabaseClient } from "@supabase/supabase-js";
import nodemailer from "nodemailer";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestStack, type TestStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const pngFile = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

let stack: TestStack;
let service: SupabaseClient;
let visitor: SupabaseClient;
let sql: postgres.Sql;

beforeAll(async () => {
  stack = await startTestStack();
  const options = { auth: { persistSession: false, autoRefreshToken: false } };
  service = createClient(stack.urls.gateway, stack.keys.secret, options);
  visitor = createClient(stack.urls.gateway, stack.keys.publishable, options);
  sql = postgres(stack.admin_database_url, { max: 2, onnotice: () => {} });
}, 240_000);

afterAll(async () => {
  await sql?.end();
  await stack?.stop();
}, 60_000);

describe("storage", () => {
  it("local Storage keeps an object and its type, serves it by signed URL, and deletes it", async () => {
    const bucket = service.storage.from("uploads");
    const path = `${crypto.randomUUID()}/photo.png`;
    expect((await bucket.upload(path, pngFile, { contentType: "image/png" })).error).toBeNull();
    const { data, error } = await bucket.createSignedUrl(path, 60);
    expect(error).toBeNull();
    const signed = await fetch(data?.signedUrl ?? "");
    expect(signed.status).toBe(200);
    expect(signed.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await signed.arrayBuffer())).toEqual(pngFile);
    expect((await bucket.remove([path])).error).toBeNull();
    expect((await fetch(data?.signedUrl ?? "")).ok).toBe(false);
  });

  it("local Storage accepts an upload to a signed URL", async () => {
    const path = `${crypto.randomUUID()}/direct.png`;
    const { data, error } = await service.storage.from("uploads").createSignedUploadUrl(path);
    expect(error).toBeNull();
    const upload = visitor.storage
      .from("uploads")
      .uploadToSignedUrl(path, data?.token ?? "", pngFile, { contentType: "image/png" });
    expect((await upload).error).toBeNull();
    const stored = await service.storage.from("uploads").download(path);
    expect(Buffer.from((await stored.data?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(pngFile);
  });

  it("local Storage refuses types that are no images, too large files, and callers without the secret key", async () => {
    const bucket = service.storage.from("uploads");
    const html = await bucket.upload("p/page.html", "<p>", { contentType: "text/html" });
    expect(html.error).not.toBeNull();
    const large = await bucket.upload("p/large.png", Buffer.alloc(11 * 1024 * 1024), {
      contentType: "image/png",
    });
    expect(large.error).not.toBeNull();
    await bucket.upload("p/private.png", pngFile, { contentType: "image/png", upsert: true });
    expect((await visitor.storage.from("uploads").download("p/private.png")).error).not.toBeNull();
    expect(
      (await visitor.storage.from("uploads").upload("p/x.png", pngFile, { contentType: "image/png" })).error,
    ).not.toBeNull();
  });

  it("local Storage never writes outside its folder, whatever the object's key", async () => {
    const before = readdirSync(stack.paths.data).sort();
    for (const key of [
      "..%2f..%2fescaped.png",
      "a/../../../escaped.png",
      "%2e%2e/escaped.png",
      "/etc/escaped.png",
    ]) {
      await fetch(`${stack.urls.gateway}/storage/v1/object/uploads/${key}`, {
        method: "POST",
        headers: { apikey: stack.keys.secret, "content-type": "image/png" },
        body: pngFile,
      });
    }
    expect(readdirSync(stack.paths.data).sort()).toEqual(before);
    const files = readdirSync(stack.paths.storage, { recursive: true, encoding: "utf8" });
    const own = /^[0-9a-f]{16}(?:\/[0-9a-f]{64}(?:\.[0-9a-f]{12})?)?$/;
    expect(files.filter((name) => !own.test(name))).toEqual([]);
  });

  it("a download during simultaneous uploads to local Storage gets one whole version of the object", async () => {
    const bucket = service.storage.from("uploads");
    const path = `${crypto.randomUUID()}/raced.png`;
    await bucket.upload(path, pngFile, { contentType: "image/png" });
    const versions = [1, 2, 3, 4].map((fill) => Buffer.alloc(200_000, fill));
    const uploads = versions.map((body) =>
      bucket.upload(path, body, { contentType: "image/png", upsert: true }),
    );
    const read = async () =>
      Buffer.from((await (await bucket.download(path)).data?.arrayBuffer()) ?? new ArrayBuffer(0));
    const [during] = await Promise.all([Promise.all(versions.map(read)), ...uploads]);
    const last = await read();
    expect(versions.some((body) => body.equals(last))).toBe(true);
    expect(during.filter((got) => ![pngFile, ...versions].some((body) => body.equals(got)))).toEqual([]);
  });
});

describe("the database", () => {
  it("calls to local REST and Storage do not change the grants of the migrations", async () => {
    const grants = () => sql`
      select relation.oid::regclass::text as name, relation.relacl::text as grants from pg_class as relation
      where relation.relnamespace in ('public'::regnamespace, 'private'::regnamespace) order by 1`;
    const before = await grants();
    expect(before.length).toBeGreaterThan(5);
    await visitor.from("users").select("id");
    await service.from("users").select("id");
    await service.storage.from("uploads").list();
    expect(await grants()).toEqual(before);
  });

  it("a visitor cannot read operator keys through local REST", async () => {
    const { error } = await visitor.from("operator_keys").select("id");
    expect(error?.code).toBe("42501");
  });

  it("the migrations run as a role that is not a superuser", async () => {
    const [role] = await sql`select rolsuper, rolbypassrls from pg_roles where rolname = 'postgres'`;
    expect(role).toEqual({ rolsuper: false, rolbypassrls: true });
    const [owner] =
      await sql`select relowner::regrole::text as owner from pg_class where oid = 'public.users'::regclass`;
    expect(owner?.owner).toBe("postgres");
  });

  it.each([
    [
      "the claims as one JSON object",
      "request.jwt.claims",
      '{"sub":"6f9619ff-8b86-4011-b42d-00c04fc964ff","role":"authenticated"}',
    ],
    ["the older setting of one claim", "request.jwt.claim.sub", "6f9619ff-8b86-4011-b42d-00c04fc964ff"],
  ])("auth.uid() of the local database reads the caller from %s", async (_name, setting, value) => {
    const rows = await sql.begin(async (tx) => {
      await tx`select set_config(${setting}, ${value}, true)`;
      return tx`select auth.uid() as id`;
    });
    expect(rows[0]?.id).toBe("6f9619ff-8b86-4011-b42d-00c04fc964ff");
  });

  it("local REST serves a new table without a restart", async () => {
    await sql`create table public.late (id int)`;
    await sql`grant select on public.late to service_role`;
    await sql`insert into public.late values (1)`;
    // As with PostgREST, the notice arrives on another connection.
    const { data } = await until(
      "the new table is served",
      async () => service.from("late").select("id"),
      ({ error }) => error === null,
    );
    expect(data).toEqual([{ id: 1 }]);
    await sql`drop table public.late`;
  });

  it("local Auth stores user metadata as a JSON object, not as a JSON string", async () => {
    const email = `${crypto.randomUUID()}@jsonb.test`;
    const { data } = await service.auth.admin.createUser({
      email,
      password: "Correct-Horse-9",
      email_confirm: true,
    });
    await visitor.auth.signInWithPassword({ email, password: "Correct-Horse-9" });
    await visitor.auth.updateUser({ data: { full_name: "Ada" } });
    const [user] = await sql`
      select jsonb_typeof(raw_user_meta_data) as kind, raw_user_meta_data ->> 'full_name' as name
      from auth.users where id = ${data.user?.id ?? ""}`;
    expect(user).toEqual({ kind: "object", name: "Ada" });
    await visitor.auth.signOut({ scope: "local" });
  });

  it("local Auth refuses a sign-in with the old password when the change of it deletes the new session", async () => {
    const [email, password] = [`${crypto.randomUUID()}@raced.test`, "Correct-Horse-9"];
    const { data } = await service.auth.admin.createUser({ email, password, email_confirm: true });
    const id = data.user?.id ?? "";
    const { signIn } = await sql.begin(async (tx) => {
      // The sign-in stops between its session and its refresh token.
      await tx`lock table auth.refresh_tokens in share row exclusive mode`;
      const signIn = visitor.auth.signInWithPassword({ email, password });
      await until(
        "the refresh token waits",
        () => sql`select pid from pg_locks where relation = 'auth.refresh_tokens'::regclass and not granted`,
        ({ length }) => length === 1,
      );
      await tx`update auth.users set encrypted_password = 'of nobody' where id = ${id}`;
      await tx`delete from auth.sessions where user_id = ${id}`;
      return { signIn };
    });
    expect((await signIn).error).toMatchObject({ status: 400, code: "invalid_credentials" });
  });
});

describe("the inbox", () => {
  it("the inbox receives a mail by SMTP and lists it", async () => {
    const { hostname, port } = new URL(stack.urls.smtp);
    const subject = `Hello ${crypto.randomUUID()}`;
    const transport = nodemailer.createTransport({ host: hostname, port: Number(port), secure: false });
    await transport.sendMail({ from: "a@cloud-api.test", to: "b@cloud-api.test", subject, text: "Hi" });
    const listed = await (await fetch(`${stack.urls.inbox}/api/email`)).text();
    expect(listed).toContain(subject);
  });
});

describe("the table editor", () => {
  it("the table editor lists the public tables and shows no secret", async () => {
    const answer = await fetch(`${stack.urls.studio}/_system/introspect`);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    const { tables } = JSON.parse(text) as { tables: { schema: string; name: string }[] };
    const own = tables.filter(({ schema }) => schema === "public").map(({ name }) => name);
    expect(own).toEqual(expect.arrayContaining(["users", "projects", "generations", "plans"]));
    for (const secret of [stack.keys.secret, new URL(stack.database_url).password])
      expect(text).not.toContain(secret);
    expect((await fetch(`${stack.urls.studio}/_system/config`)).status).toBe(404);
  });

  it("the table editor serves its script, and refuses to read tables for other origins", async () => {
    const page = await (await fetch(stack.urls.studio)).text();
    const script = /src="(\/static\/[^"]+\.js)"/.exec(page)?.[1];
    const served = await fetch(`${stack.urls.studio}${script}`);
    expect(served.headers.get("content-type")).toMatch(/^text\/javascript\b/);
    const url = `${stack.urls.studio}/rest/v1/users?select=id`;
    expect((await fetch(url)).status).toBe(200);
    expect(
      (await fetch(url, { headers: { origin: "https://evil.test", "sec-fetch-site": "cross-site" } })).status,
    ).toBe(403);
  });
});
