import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { buildPocketBase } from "../../bench-peers/pocketbase.ts";

test("without Go the benchmark says why it omits PocketBase", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-no-go-"));
  vi.stubEnv("PATH", folder);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  expect(await buildPocketBase(folder)).toEqual({
    left_out: "PocketBase is left out: there is no `go` in the PATH to build it with",
  });
});
