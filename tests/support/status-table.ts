import { expect, test } from "vitest";
import { api, errorOf, type Headed } from "./api.ts";

/** A request. The test makes it when it runs, since tokens and keys do not exist before. */
export type Sent = { method?: string; headers?: Headed; json?: unknown; body?: string };
/** `call` is a method and a path. `code` is null for an answer that is not an error. */
export type Row = [call: string, situation: string, status: number, code: string | null, sent: () => Sent];

export const unknownId = "00000000-0000-4000-8000-000000000000";
export const badHeaders = {
  token: { Authorization: "Bearer eyJhbGciOiJIUzI1NiJ9.e30.x" },
  project: { "X-Project-ID": "seven" },
  nobodysProject: { "X-Project-ID": unknownId },
  key: { "X-Developer-Key": "ak_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
};

/** The refusals of every endpoint that needs a signed-in user, besides those of refusals.test.ts. */
export const refusalsWithoutSignIn = (call: string, bearer: () => Headed, json?: unknown): Row[] => [
  [call, "no credentials", 401, "not_authenticated", () => ({ json })],
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
    () => ({ headers: { ...bearer(), ...badHeaders.project }, json }),
  ],
  [
    call,
    "another role in X-User-Role",
    403,
    "role_mismatch",
    () => ({ headers: { ...bearer(), "X-User-Role": "operator" }, json }),
  ],
];

/** Adds a test for each row, in order. `fill` replaces `:names` in paths. */
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
