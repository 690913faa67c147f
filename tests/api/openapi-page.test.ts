import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { api } from "../support/api.ts";

test("GET /openapi.json returns docs/openapi.json with the server's own URL, to a page of any origin", async () => {
  const { status, body, headers } = await api("/openapi.json", { headers: { origin: "https://app.test" } });
  expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
  expect(headers.get("access-control-allow-origin")).toBe("*");
  const committed = JSON.parse(readFileSync(join(repositoryRoot, "docs", "openapi.json"), "utf8"));
  expect(body).toEqual({ ...committed, servers: [{ url: inject("stack").urls.base }] });
});

test("/openapi.json allows only GET and HEAD", async () => {
  const { status, headers } = await api("/openapi.json", { method: "POST", json: {} });
  expect([status, headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});
