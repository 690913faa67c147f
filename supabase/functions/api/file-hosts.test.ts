import { describe, expect, test } from "vitest";
import { defaultFileHosts, isAllowedFile, netPermissions, readFileHosts } from "./file-hosts.ts";

describe("isAllowedFile", () => {
  const hosts = ["replicate.delivery", "127.0.0.1:54328", "files.example.com:8443"];
  test.each([
    ["https://replicate.delivery/a/out.png", true],
    ["https://pbxt.replicate.delivery/a/out.png", true],
    ["https://replicate.delivery:443/a", true],
    ["http://127.0.0.1:54328/files/out.png", true],
    ["https://files.example.com:8443/a", true],
    ["https://files.example.com/a", false],
    ["http://replicate.delivery/a/out.png", false],
    ["https://replicate.delivery:8443/a", false],
    ["https://a.replicate.delivery:8443/a", false],
    ["https://replicate.delivery.evil.com/a", false],
    ["https://evilreplicate.delivery/a", false],
    ["https://replicate.delivery@evil.com/a", false],
    ["https://user@replicate.delivery/a", false],
    ["https://:secret@replicate.delivery/a", false],
    ["https://evil.com/replicate.delivery", false],
    ["https://evil.com#replicate.delivery", false],
    ["http://127.0.0.1:54322/", false],
    ["https://127.0.0.1:54328/", false],
    ["http://127.0.0.1/", false],
    ["http://169.254.169.254/latest/meta-data", false],
    ["http://localhost:54328/", false],
    ["file:///etc/passwd", false],
    ["data:image/png;base64,AAAA", false],
    ["/files/out.png", false],
    ["", false],
  ])("whether a result may be fetched from %s: %s", (url, allowed) => {
    expect(isAllowedFile(url, hosts)).toBe(allowed);
  });
});

test("without REPLICATE_FILE_HOSTS the allowed hosts are those of Replicate", () => {
  const hosts = readFileHosts(defaultFileHosts);
  expect(isAllowedFile("https://replicate.delivery/pbxt/a/out.png", hosts)).toBe(true);
  expect(isAllowedFile("https://pbxt.replicate.delivery/a/out.png", hosts)).toBe(true);
  expect(isAllowedFile("https://api.replicate.com/v1/files/a/download", hosts)).toBe(true);
  expect(isAllowedFile("https://replicate.com/somebody/page.png", hosts)).toBe(false);
});

test("REPLICATE_FILE_HOSTS may contain spaces, capitals and wildcards, but no URLs and paths", () => {
  expect(readFileHosts(" Replicate.Delivery , *.cdn.example.com,, 127.0.0.1:9 ")).toEqual([
    "replicate.delivery",
    "cdn.example.com",
    "127.0.0.1:9",
  ]);
  for (const wrong of ["https://replicate.delivery", "a b", "host/path", "*"]) {
    expect(() => readFileHosts(wrong)).toThrow("is no host");
  }
});

test("Deno's network permissions contain the allowed hosts of files", () => {
  expect(netPermissions(["replicate.delivery", "127.0.0.1:54328", "files.example.com:8443"])).toEqual([
    "replicate.delivery",
    "*.replicate.delivery",
    "127.0.0.1:54328",
    "files.example.com:8443",
  ]);
});
