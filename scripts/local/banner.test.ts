import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { curlLines } from "./banner.ts";
import { pathsFor } from "./settings.ts";
import type { Stack } from "./stack-facts.ts";

const credentials = { developer_key: "ak_d", project_id: "p", api_key: "ak_p" } as Stack["credentials"];
const urls = { gateway: "http://127.0.0.1:9", api: "http://127.0.0.1:9/api/v1" } as Stack["urls"];

test("a printed curl command that the API refuses prints the API's sentence", () => {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-banner-"));
  try {
    const refusal = '{"detail":"Invalid developer key.","code":"developer_key_invalid"}';
    writeFileSync(join(folder, "curl"), `#!/bin/sh\nprintf '%s' '${refusal}'\n`, { mode: 0o755 });
    for (const line of curlLines({ urls, credentials, paths: pathsFor(folder) }).slice(0, 2)) {
      const env = { PATH: `${folder}:/usr/bin:/bin` };
      const { stderr } = spawnSync("/bin/bash", ["--norc", "-c", line], { env, encoding: "utf8" });
      expect(stderr.trim()).toBe("Invalid developer key.");
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(["plain", "Ada's clone", 'with "quotes"', "with $HOME and `id`", "back\\slash", "two  spaces"])(
  "the printed curl command sends the sample photo from a folder with the name %s",
  (name) => {
    const folder = mkdtempSync(join(tmpdir(), "cloud-api-banner-"));
    const paths = { ...pathsFor(folder), sample: join(folder, name, "photo.png") };
    try {
      const [, line = ""] = curlLines({ urls, credentials, paths });
      // A stand-in for curl that records its argument.
      const received = join(folder, "received");
      writeFileSync(
        join(folder, "curl"),
        `#!/bin/sh\nfor word; do case "$word" in files=*) printf %s "$word" > '${received}';; esac; done\n`,
        { mode: 0o755 },
      );
      execFileSync("/bin/bash", ["--norc", "-c", line], {
        stdio: "ignore",
        env: { PATH: `${folder}:/usr/bin:/bin`, TOKEN: "t" },
      });
      const [, quoted = ""] = /^files=@"(.*)";type=image\/png$/.exec(readFileSync(received, "utf8")) ?? [];
      expect(quoted.replace(/\\(["\\])/g, "$1")).toBe(paths.sample);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
