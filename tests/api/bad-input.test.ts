import { describe, expect, test } from "vitest";
import { freshEmail, password } from "../support/api.ts";
import { png } from "../support/images.ts";
import { watchRefusals } from "../support/watch-refusals.ts";

const { people, refuses } = watchRefusals();

const jsonHeaders = { "Content-Type": "application/json" };
const asUser = () => people.user.headers;
const asDeveloper = () => people.developer.headers;
const asApp = () => people.developer.project.headers;

describe("JSON bodies", () => {
  const endpoints: [string, () => Record<string, string>][] = [
    ["/auth/register", asApp],
    ["/auth/login", () => ({})],
    ["/auth/refresh", () => ({})],
    ["/projects", asDeveloper],
    ["/generation/generate-v2", asUser],
  ];
  const bodies: [string, string | Uint8Array, string, number][] = [
    ["broken JSON", '{"email": "a@example.com"', "malformed_json", 400],
    ["an empty body", "", "malformed_json", 400],
    ["invalid UTF-8", new Uint8Array([0x22, 0xff, 0xfe, 0x22]), "malformed_json", 400],
    ["a JSON array", "[1,2]", "validation_failed", 422],
    ["null", "null", "validation_failed", 422],
    ["JSON nested 8,000 deep", `${"[".repeat(8_000)}${"]".repeat(8_000)}`, "validation_failed", 422],
    ["JSON nested 3,000 deep and broken", '{"a":'.repeat(3_000), "malformed_json", 400],
    ["a body of 70 kB", JSON.stringify({ name: "x".repeat(70 * 1024) }), "payload_too_large", 413],
    [
      "fields inside __proto__",
      '{"__proto__": {"email": "a@example.com", "password": "Correct-horse-9"}}',
      "validation_failed",
      422,
    ],
  ];
  for (const [path, headers] of endpoints) {
    test.each(bodies)(`${path} refuses %s`, async (_name, body, code, status) => {
      await refuses(
        path,
        { method: "POST", headers: { ...jsonHeaders, ...headers() }, body: body as BodyInit },
        status,
        code,
      );
    });

    test.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"])(
      `${path} refuses the content type %s`,
      async (type) => {
        const sent = { method: "POST", headers: { ...headers(), "Content-Type": type }, body: "{}" };
        await refuses(path, sent, 415, "unsupported_media_type");
      },
    );
  }
});

describe("text that cannot be stored", () => {
  const nul = "a\u0000b";
  const half = "a\ud800b";
  test.each<[string, string, () => Record<string, string>, () => object]>([
    [
      "the email of a registration",
      "/auth/register",
      asApp,
      () => ({ email: `a\u0000${freshEmail()}`, password }),
    ],
    ["a user's name", "/auth/register", asApp, () => ({ email: freshEmail(), password, full_name: nul })],
    ["a password", "/auth/register", asApp, () => ({ email: freshEmail(), password: `${password}\u0000` })],
    ["the email of a login", "/auth/login", () => ({}), () => ({ email: `a\u0000@example.com`, password })],
    ["a project's name", "/projects", asDeveloper, () => ({ name: nul })],
    ["a project's description", "/projects", asDeveloper, () => ({ name: "a", description: nul })],
    ["a prompt", "/generation/generate-v2", asUser, () => ({ prompt: nul })],
  ])("NUL in %s is refused", async (_name, path, headers, json) => {
    await refuses(path, { headers: headers(), json: json() }, 422, "validation_failed");
  });

  test.each<[string, string, () => Record<string, string>, () => object]>([
    ["a user's name", "/auth/register", asApp, () => ({ email: freshEmail(), password, full_name: half })],
    ["a project's name", "/projects", asDeveloper, () => ({ name: half })],
    ["a prompt", "/generation/generate-v2", asUser, () => ({ prompt: half })],
  ])("an escaped lone surrogate in %s is refused", async (_name, path, headers, json) => {
    const body = JSON.stringify(json());
    expect(body).toContain("\\ud800");
    await refuses(
      path,
      { method: "POST", headers: { ...headers(), ...jsonHeaders }, body },
      422,
      "validation_failed",
    );
  });

  test("NUL in a query parameter is refused", async () => {
    await refuses("/projects?search=a%00b", { headers: asDeveloper() }, 422, "validation_failed");
  });
});

describe("uploads", () => {
  const photo = (bytes: Uint8Array = png(), name = "photo.png") => ({ bytes, name });
  function form(instructions: string | undefined, ...files: { bytes: Uint8Array; name: string }[]): FormData {
    const body = new FormData();
    if (instructions !== undefined) body.set("instructions", instructions);
    for (const { bytes, name } of files)
      body.append("files", new Blob([bytes as BlobPart], { type: "image/png" }), name);
    return body;
  }
  const padded = (size: number) => {
    const bytes = new Uint8Array(size);
    bytes.set(png());
    return bytes;
  };
  const text = new TextEncoder().encode("This is a text, whatever its name says.");

  test.each<[string, () => FormData, number, string]>([
    ["a 0-byte file", () => form("a", photo(new Uint8Array())), 422, "validation_failed"],
    ["an 11 MB file", () => form("a", photo(padded(11 * 1024 * 1024))), 413, "file_too_large"],
    [
      "an 11 MB file after a valid one",
      () => form("a", photo(), photo(padded(11 * 1024 * 1024))),
      413,
      "file_too_large",
    ],
    ["a text file named .png", () => form("a", photo(text)), 415, "unsupported_image"],
    ["a text file after a valid image", () => form("a", photo(), photo(text)), 415, "unsupported_image"],
    [
      "six files",
      () => form("a", photo(), photo(), photo(), photo(), photo(), photo()),
      422,
      "validation_failed",
    ],
    ["instructions of 1,001 characters", () => form("x".repeat(1001), photo()), 422, "validation_failed"],
    ["no instructions", () => form(undefined, photo()), 422, "validation_failed"],
    ["no file", () => form("a"), 422, "validation_failed"],
    ["NUL in the instructions", () => form("a\u0000b", photo()), 422, "validation_failed"],
    [
      "a file name with ../ and no image",
      () => form("a", photo(text, "../../../etc/passwd")),
      415,
      "unsupported_image",
    ],
  ])("an upload with %s is refused", async (_name, body, status, code) => {
    await refuses(
      "/generation/generate-v2",
      { method: "POST", headers: asUser(), body: body() },
      status,
      code,
    );
  });

  test("a JSON prompt of 1,001 characters is refused", async () => {
    await refuses(
      "/generation/generate-v2",
      { headers: asUser(), json: { prompt: "x".repeat(1001) } },
      422,
      "validation_failed",
    );
  });

  test.each([
    [
      "ends early",
      '--x\r\nContent-Disposition: form-data; name="instructions"\r\n\r\nA wat',
      "multipart/form-data; boundary=x",
      400,
      "malformed_body",
    ],
    ["has another boundary", "--y--", "multipart/form-data; boundary=x", 400, "malformed_body"],
    ["names no boundary", "--x--", "multipart/form-data", 400, "malformed_body"],
    ["is empty", "", "multipart/form-data; boundary=x", 400, "malformed_body"],
  ])("a multipart body that %s is refused", async (_name, body, type, status, code) => {
    const headers = { ...asUser(), "Content-Type": type };
    await refuses("/generation/generate-v2", { method: "POST", headers, body }, status, code);
  });
});
