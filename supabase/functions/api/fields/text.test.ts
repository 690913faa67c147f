import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toInstant } from "./future-instant.ts";
import { toOrigin } from "./origin.ts";
import { siteUrl } from "./site-url.ts";
import { closest } from "./strict-object.ts";

describe("origins", () => {
  test.each([
    ["*", "*"],
    ["https://App.Example.com", "https://app.example.com"],
    ["https://app.example.com:443", "https://app.example.com"],
    ["http://app.example.com:80", "http://app.example.com"],
    ["http://app.example.com:443", "http://app.example.com:443"],
    ["https://*.example.com", "https://*.example.com"],
    ["https://*.example.com:8443", "https://*.example.com:8443"],
    ["http://localhost:3000", "http://localhost:3000"],
    ["http://[::1]:3000", "http://[::1]:3000"],
    ["http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"],
    ["https://bücher.example", "https://xn--bcher-kva.example"],
    ["https://*.bücher.example", "https://*.xn--bcher-kva.example"],
    ["https://xn--bcher-kva.example", "https://xn--bcher-kva.example"],
    ["capacitor://localhost", "capacitor://localhost"],
    ["ionic://localhost", "ionic://localhost"],
    ["tauri://localhost", "tauri://localhost"],
    ["http://tauri.localhost", "http://tauri.localhost"],
    [
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
      "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ],
    [
      "moz-extension://0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
      "moz-extension://0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
    ],
  ])("the origin %s is stored as %s", (written, kept) => {
    expect(toOrigin(written)).toBe(kept);
    expect(toOrigin(kept)).toBe(kept);
  });

  test.each([
    "",
    "example.com",
    "https://",
    "https://*",
    "https://*.",
    "https://a.*.example.com",
    "https://example.com/",
    "https://example.com/path",
    "https://user@example.com",
    "https://example.com:0",
    "https://example.com:65536",
    "https://example.com:99999",
    "https://exa mple.com",
    "https://a..example.com",
    "capacitor://*.localhost",
    "capacitor://localhost:70000",
    "javascript:alert(1)",
    "javascript://alert",
    "file://localhost",
    "data://x",
    "null",
  ])("%s is refused as an origin", (written) => {
    expect(toOrigin(written)).toBeUndefined();
  });

  const authority = fc.webAuthority({ withIPv4: true, withIPv6: true, withPort: true });
  test("a stored origin stays the same when it is read again", () => {
    fc.assert(
      fc.property(fc.constantFrom("http", "https"), authority, (scheme, host) => {
        const kept = toOrigin(new URL(`${scheme}://${host}`).origin);
        expect(kept === undefined || toOrigin(kept) === kept).toBe(true);
      }),
    );
  });
});

test.each([
  ["https://app.example.com", true],
  ["https://app.example.com/base/", true],
  ["https://a.example/#/", true],
  ["http://localhost:3000", true],
  ["https://user@app.example.com", false],
  ["https://user:secret@app.example.com", false],
  ["https://:secret@app.example.com", false],
  ["javascript:alert(1)", false],
  ["ftp://app.example.com", false],
  ["app.example.com", false],
])("whether %s is accepted as a site's URL: %s", (written, isTaken) => {
  expect(siteUrl.safeParse(written).success).toBe(isTaken);
});

describe("instants", () => {
  test.each([
    ["2027-11-24T09:00:00Z", "2027-11-24T09:00:00.000000Z"],
    ["2027-11-24t09:00:00z", "2027-11-24T09:00:00.000000Z"],
    ["2027-11-24T09:00Z", "2027-11-24T09:00:00.000000Z"],
    ["2027-11-24T09:00:00.5+02:00", "2027-11-24T07:00:00.500000Z"],
    ["2027-11-24T09:00:00-2359", "2027-11-25T08:59:00.000000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999000Z"],
  ])("the instant %s reaches SQL as %s", (written, utc) => {
    expect(toInstant(written)).toBe(utc);
  });

  test.each([
    "9999-12-31T23:59:59-00:01",
    "0000-01-01T00:00:00+23:59",
    "2027-02-30T00:00:00Z",
    "2027-13-01T00:00:00Z",
    "2027-11-24T24:00:00Z",
    "2027-11-24T09:00:00+24:00",
    "2027-11-24T09:00:00+99:99",
    "2027-11-24T09:00:00",
    "2027-11-24",
    "1795510800",
    "+275760-09-13T00:00:00Z",
    "infinity",
    "now",
  ])("%s is refused as an instant", (written) => {
    expect(toInstant(written)).toBeUndefined();
  });

  test("every form of RFC 3339 becomes the same UTC form", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date("0001-01-02"), max: new Date("9998-12-30"), noInvalidDate: true }),
        fc.integer({ min: -1439, max: 1439 }),
        (date, offset) => {
          const sign = offset < 0 ? "-" : "+";
          const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
            String(part).padStart(2, "0"),
          );
          const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, -1);
          expect(toInstant(`${local}${sign}${hours}:${minutes}`)).toBe(
            date.toISOString().replace("Z", "000Z"),
          );
        },
      ),
    );
  });
});

test.each([
  ["expiresAt", "expires_at"],
  ["EXPIRES-AT", "expires_at"],
  ["expire_at", "expires_at"],
  ["exipres_at", "expires_at"],
  ["expires", "expires_at"],
  ["managment", "management"],
  ["nmae", "name"],
  ["colour", undefined],
  ["", undefined],
  ["x".repeat(64), undefined],
])("the suggestion for the unknown field %s is %s", (written, meant) => {
  expect(closest(written, ["name", "expires_at", "management"])).toBe(meant);
});
