import { beforeAll, describe, expect, inject, test } from "vitest";
import { type Caller, callGateway, type RestAnswer } from "../support/call-gateway.ts";
import { owner } from "../support/sql.ts";
import { makeWorld, type World } from "../support/world.ts";

const pngFile = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const service: Caller = { service: true };
const { urls } = inject("stack");

let world: World;
let callers: [string, Caller][];
/** Objects of B and of A, in each bucket. */
let objects: string[];

beforeAll(async () => {
  world = await makeWorld();
  callers = [
    ["an anonymous caller", {}],
    ["an end user of A", { token: world.a.user.token }],
    ["the developer of A", { token: world.a.developer.token }],
    ["the developer of B itself", { token: world.b.developer.token }],
    ["an operator's token", { token: world.operator.token }],
  ];
  objects = [];
  for (const bucket of ["uploads", "generations"]) {
    for (const side of [world.b, world.a]) {
      const path = `${bucket}/${side.project_id}/${crypto.randomUUID()}/0.png`;
      expect((await upload(service, path)).status).toBe(200);
      objects.push(path);
    }
  }
});

const upload = (caller: Caller, path: string, method = "POST", headers = {}) =>
  callGateway(caller, method, `/storage/v1/object/${path}`, {
    body: pngFile,
    headers: { "content-type": "image/png", ...headers },
  });

describe("objects of Storage", () => {
  test("objects of Storage are listed only for the secret key, at any depth", async () => {
    for (const [name, caller] of callers) {
      for (const object of objects) {
        const [bucket = "", project = "", folder = ""] = object.split("/");
        for (const prefix of ["", project, `${project}/`, `${project}/${folder}`]) {
          const found = await callGateway(caller, "POST", `/storage/v1/object/list/${bucket}`, {
            json: { prefix, limit: 100, offset: 0, search: "" },
          });
          expect(Array.isArray(found.body) ? found.body : [], `${name}: ${bucket}/${prefix}`).toEqual([]);
          const newer = await callGateway(caller, "POST", `/storage/v1/object/list-v2/${bucket}`, {
            json: { prefix },
          });
          expect(newer.body?.objects ?? []).toEqual([]);
        }
      }
    }
    const found = await callGateway(service, "POST", "/storage/v1/object/list/uploads", {
      json: { prefix: world.b.project_id },
    });
    expect(found.body).toHaveLength(1);
  });

  test("a guessed path neither downloads, describes nor renders an object of Storage", async () => {
    for (const [name, caller] of callers) {
      for (const object of objects) {
        for (const [method, path] of [
          ["GET", `object/${object}`],
          ["GET", `object/authenticated/${object}`],
          ["GET", `object/public/${object}`],
          ["GET", `object/info/${object}`],
          ["GET", `object/info/authenticated/${object}`],
          ["GET", `object/info/public/${object}`],
          ["HEAD", `object/${object}`],
          ["HEAD", `object/authenticated/${object}`],
          ["GET", `render/image/authenticated/${object}?width=10`],
          ["GET", `render/image/public/${object}?width=10`],
          ["GET", `object/authenticated/uploads/../${object}`],
        ] as const) {
          const { status, body } = await callGateway(caller, method, `/storage/v1/${path}`);
          expect(status, `${name}: ${method} ${path}`).toBeGreaterThanOrEqual(400);
          expect(String(body)).not.toContain("PNG");
        }
      }
    }
  });

  test("Storage gives the same answer for a path that exists and one that does not", async () => {
    for (const [, caller] of callers) {
      for (const object of objects) {
        const missing = object.replace(/[^/]+\/0\.png$/, `${crypto.randomUUID()}/0.png`);
        for (const [method, path, json] of [
          ["GET", "object", undefined],
          ["GET", "object/authenticated", undefined],
          ["GET", "object/info", undefined],
          ["POST", "object/sign", { expiresIn: 60 }],
        ] as const) {
          const [right, wrong] = await Promise.all(
            [object, missing].map((target) =>
              callGateway(
                caller,
                method,
                `/storage/v1/${path}/${target}`,
                json === undefined ? {} : { json },
              ),
            ),
          );
          expect(blank(right)).toEqual(blank(wrong));
        }
      }
    }
  });

  test("callers without the secret key get no signed URL, neither for reading nor for uploading", async () => {
    for (const [name, caller] of callers) {
      for (const object of objects) {
        const [bucket = "", ...rest] = object.split("/");
        const single = await callGateway(caller, "POST", `/storage/v1/object/sign/${object}`, {
          json: { expiresIn: 60 },
        });
        expect(single.status, name).toBeGreaterThanOrEqual(400);
        const many = await callGateway(caller, "POST", `/storage/v1/object/sign/${bucket}`, {
          json: { expiresIn: 60, paths: [rest.join("/")] },
        });
        expect(JSON.stringify(many.body)).not.toContain("token=");
        for (const path of [object, `${object}.new.png`]) {
          const upload_to = await callGateway(caller, "POST", `/storage/v1/object/upload/sign/${path}`, {
            headers: { "x-upsert": "true" },
          });
          expect(upload_to.status, name).toBeGreaterThanOrEqual(400);
        }
      }
    }
  });

  test("neither the signed URL of another object nor an access token opens an object of Storage", async () => {
    const [of_b = "", of_a = ""] = objects;
    const signed = await callGateway(service, "POST", `/storage/v1/object/sign/${of_a}`, {
      json: { expiresIn: 60 },
    });
    const token = new URL(`${urls.gateway}/storage/v1${signed.body.signedURL}`).searchParams.get("token");
    expect((await fetch(`${urls.gateway}/storage/v1${signed.body.signedURL}`)).status).toBe(200);
    for (const stolen of [token, world.a.user.token, world.b.developer.token, "x"]) {
      const { status } = await fetch(`${urls.gateway}/storage/v1/object/sign/${of_b}?token=${stolen}`);
      expect(status).toBeGreaterThanOrEqual(400);
      const put = await fetch(`${urls.gateway}/storage/v1/object/upload/sign/${of_b}?token=${stolen}`, {
        method: "PUT",
        body: pngFile,
      });
      expect(put.status).toBeGreaterThanOrEqual(400);
    }
  });

  test("callers without the secret key cannot create, replace, move, copy or delete an object of Storage", async () => {
    const before = await stored();
    for (const [name, caller] of callers) {
      for (const object of objects) {
        const [bucketId = "", ...rest] = object.split("/");
        const [sourceKey, own] = [rest.join("/"), `${world.a.project_id}/mine.png`];
        const answers = [
          await upload(caller, object, "PUT"),
          await upload(caller, object, "POST", { "x-upsert": "true" }),
          await upload(caller, `${bucketId}/${world.a.project_id}/new.png`),
          await upload(caller, `${bucketId}/new.png`),
          await callGateway(caller, "POST", "/storage/v1/object/copy", {
            json: { bucketId, sourceKey, destinationKey: own },
          }),
          await callGateway(caller, "POST", "/storage/v1/object/move", {
            json: { bucketId, sourceKey, destinationKey: own },
          }),
          await callGateway(caller, "DELETE", `/storage/v1/object/${object}`),
        ];
        expect(answers.filter(({ status }) => status < 400).length, name).toBe(0);
        const bulk = await callGateway(caller, "DELETE", `/storage/v1/object/${bucketId}`, {
          json: { prefixes: [sourceKey] },
        });
        expect(Array.isArray(bulk.body) ? bulk.body : []).toEqual([]);
      }
    }
    expect(await stored()).toEqual(before);
  });

  test("callers without the secret key cannot see, create, publish, empty or delete a bucket", async () => {
    const buckets = () => owner`select id, public, file_size_limit from storage.buckets order by id`;
    const before = [await buckets(), await stored()];
    for (const [, caller] of callers) {
      expect((await callGateway(caller, "GET", "/storage/v1/bucket")).body).toEqual([]);
      for (const bucket of ["uploads", "generations"]) {
        expect(
          (await callGateway(caller, "GET", `/storage/v1/bucket/${bucket}`)).status,
        ).toBeGreaterThanOrEqual(400);
        await callGateway(caller, "PUT", `/storage/v1/bucket/${bucket}`, { json: { public: true } });
        await callGateway(caller, "POST", `/storage/v1/bucket/${bucket}/empty`);
        await callGateway(caller, "DELETE", `/storage/v1/bucket/${bucket}`);
      }
      await callGateway(caller, "POST", "/storage/v1/bucket", {
        json: { id: "mine", name: "mine", public: true },
      });
    }
    expect([await buckets(), await stored()]).toEqual(before);
  });
});

test("the tables of Storage have row-level security and no policy", async () => {
  const found = await owner`
    select relname as name, relrowsecurity as secured,
      (select count(*)::int from pg_policy where polrelid = pg_class.oid) as policies
    from pg_class where oid in ('storage.objects'::regclass, 'storage.buckets'::regclass) order by relname`;
  expect([...found]).toEqual([
    { name: "buckets", secured: true, policies: 0 },
    { name: "objects", secured: true, policies: 0 },
  ]);
});

async function stored(): Promise<unknown> {
  const projects = [world.a.project_id, world.b.project_id];
  return owner`
    select bucket_id, name, version, updated_at from storage.objects
    where (storage.foldername(name))[1] = any (${projects}) or name = 'new.png' order by bucket_id, name`;
}

/** The answer without its ids, which differ in every request. */
function blank(answer: RestAnswer | undefined) {
  const { status, body } = answer ?? {};
  return { status, body: JSON.stringify(body).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "<id>") };
}
