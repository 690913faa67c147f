import { beforeAll, describe, expect, test } from "vitest";
import { api, type Developer, type Headed, registerDeveloper } from "../support/api.ts";
import { png } from "../support/images.ts";
import { operatorHeaders } from "../support/management.ts";

let developer: Developer;
let key: string;
beforeAll(async () => {
  developer = await registerDeveloper();
  const { body } = await api(`/projects/${developer.project.id}/api-keys`, { headers: developer.headers });
  key = (body as unknown as { id: string }[])[0]?.id ?? "";
});

const mine = () => developer.headers;
const generating = () => ({ ...developer.headers, "X-Project-ID": developer.project.id });
type Row = [call: string, sent: object, meant: string | null, headers: () => Headed];
const rows: Row[] = [
  ["POST /projects/:id/api-keys", { name: "a", expiresAt: "2030-01-01T00:00:00Z" }, "expires_at", mine],
  ["POST /projects/:id/api-keys", { name: "a", expires: "2030-01-01T00:00:00Z" }, "expires_at", mine],
  ["POST /projects/:id/api-keys/:key/rotate", { graceSeconds: 60 }, "grace_seconds", mine],
  ["POST /projects/:id/api-keys/:key/rotate", { grace: 60 }, "grace_seconds", mine],
  ["POST /auth/developer-keys", { managment: true }, "management", mine],
  ["POST /auth/developer-keys", { colour: "red" }, null, mine],
  ["PATCH /projects/:id/plan", { plan_id: "free", planId: "premium" }, "plan_id", () => operatorHeaders],
  [
    "POST /generation/generate-v2",
    { prompt: "A lighthouse", aspectRatio: "1:1" },
    "aspect_ratio",
    generating,
  ],
  ["POST /generation/generate-v2", { prompt: "A lighthouse", ispublic: true }, "is_public", generating],
  ["POST /generation/generate-v2", { promt: "A lighthouse" }, "prompt", generating],
];

describe("unknown fields in requests that cost money or safety", () => {
  test.each(rows)(
    "%s refuses the unknown field of %j and suggests %s",
    async (call, json, meant, headers) => {
      const [method = "", path = ""] = call.split(" ");
      const address = path.replace(":id", developer.project.id).replace(":key", key);
      const { status, body } = await api(address, { method, headers: headers(), json });
      const unknown = Object.keys(json).at(-1) ?? "";
      const hint = meant === null ? "" : ` Did you mean "${meant}"?`;
      expect([status, body.code]).toEqual([422, "validation_failed"]);
      expect(body.errors[0]).toEqual({
        loc: ["body", unknown],
        msg: `"${unknown}" is no field of this request.${hint}`,
        type: "unrecognized_keys",
      });
    },
  );

  test("creating a generation refuses an unknown field in a form and in the JSON of its instructions", async () => {
    for (const [field, instructions] of [
      ["aspectRatio", "A lighthouse"],
      ["seeed", "A lighthouse"],
      [null, JSON.stringify({ prompt: "A lighthouse", colour: "red" })],
    ] as const) {
      const form = new FormData();
      form.append("instructions", instructions);
      if (field !== null) form.append(field, "1");
      form.append("files", new Blob([png() as BlobPart], { type: "image/png" }), "photo.png");
      const { status, body } = await api("/generation/generate-v2", {
        method: "POST",
        headers: generating(),
        body: form,
      });
      expect([status, body.errors?.[0]?.loc]).toEqual([422, ["body", field ?? "colour"]]);
    }
  });

  test("at most 20 unknown fields are reported, and a long name is cut", async () => {
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`x${at}`, 1]));
    const { body } = await api("/auth/developer-keys", { headers: mine(), json: many });
    expect(body.errors).toHaveLength(20);
    const long = await api("/auth/developer-keys", { headers: mine(), json: { ["x".repeat(5_000)]: 1 } });
    expect(JSON.stringify(long.body).length).toBeLessThan(600);
  });
});

test("other requests ignore an unknown field", async () => {
  const project = await api("/projects", { headers: mine(), json: { name: "P", colour: "red" } });
  expect(project.status).toBe(201);
  const me = await api("/auth/me", { method: "PATCH", headers: mine(), json: { full_name: "Ada", age: 3 } });
  expect(me.status).toBe(200);
});
