import { expect, test } from "vitest";
import { api, errorOf, type Headed } from "./api.ts";

/** A request. The test makes it when it runs, since tokens and keys do not exist before. */
export type Sent = { method?: string; headers?: Headed; json?: unknown; body?: string };
/** `call` is a method and a path; `code` is null for an answer that is no error. */
export type Row = [call: string, situation: string, status: number, code: string | null, sent: () => Sent];

export const nobody = "00000000-0000-4000-8000-000000000000";
export const bad = {
  token: { Authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x" },
  project: { "X-Project-ID": "seven" },
  nobodysProject: { "X-Project-ID": nobody },
  key: { "X-Developer-Key": "ak_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
};

/** The refusals of every endpoint that needs a signed-in user. */
export const signedIn = (call: string, bearer: () => Headed, json?: unknown): Row[] => [
  [call, "no credentials", 401, "not_authenticated", () => ({ json })],
  [call, "an invalid token", 401, "invalid_token", () => ({ headers: bad.token, json })],
  [
    call,
    "a Basic Authorization header",
    401,
    "invalid_token",
    () => ({ headers: { Authorization: "Basic eA==" }, json }),
  ],
  [
    call,
    "an invalid project id",
    400,
    "invalid_project_id",
    () => ({ headers: { ...bearer(), ...bad.project }, json }),
  ],
  [
    call,
    "an invalid developer key",
    403,
    "developer_key_invalid",
    () => ({ headers: { ...bearer(), ...bad.key }, json }),
  ],
  [
    call,
    "another role in X-User-Role",
    403,
    "role_mismatch",
    () => ({ headers: { ...bearer(), "X-User-Role": "operator" }, json }),
  ],
];

/** The refusals of every endpoint that takes JSON. */
export const takesJson = (call: string, headers: () => Headed = () => ({})): Row[] => {
  const method = call.split(" ")[0] ?? "POST";
  const typed = (type: string, body: string) => ({
    method,
    body,
    headers: { ...headers(), "Content-Type": type },
  });
  return [
    [call, "broken JSON", 400, "malformed_json", () => typed("application/json", "{")],
    [call, "a text body", 415, "unsupported_media_type", () => typed("text/plain", "x")],
    [
      call,
      "a body above 1 MiB",
      413,
      "payload_too_large",
      () => typed("application/json", "x".repeat(1_100_000)),
    ],
    [call, "a JSON array", 422, "validation_failed", () => typed("application/json", "[]")],
  ];
};

/** A test for each row, in their order. `fill` replaces `:names` in paths. */
export function testStatuses(rows: Row[], fill: () => Record<string, string> = () => ({})): void {
  test.each(rows)("%s with %s answers %i %s", async (call, _situation, status, code, sent) => {
    const [method = "GET", template = ""] = call.split(" ");
    const path = template.replace(/:(\w+)/g, (_, name: string) => fill()[name] ?? "");
    const answer = await api(path, { method, ...sent() });
    if (code === null) expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    else expect(errorOf(answer)).toMatchObject({ status, code });
    if (status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    if (status === 429) expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });
}
