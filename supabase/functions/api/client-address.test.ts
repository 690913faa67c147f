import { describe, expect, test } from "vitest";
import { clientAddress } from "./client-address.ts";
import { networkOf } from "./resources/generations/input/anonymous-client.ts";

test.each<[string, string | null, number, string | undefined, string | undefined]>([
  ["the only hop", "203.0.113.9", 1, "10.0.0.1", "203.0.113.9"],
  [
    "the hop that the platform added, not the caller's claim",
    "1.2.3.4, 203.0.113.9",
    1,
    "10.0.0.1",
    "203.0.113.9",
  ],
  [
    "the second hop from the right behind two proxies",
    "1.2.3.4, 203.0.113.9, 10.0.0.7",
    2,
    "10.0.0.1",
    "203.0.113.9",
  ],
  ["the leftmost when there are fewer hops than trusted", "203.0.113.9", 3, "10.0.0.1", "203.0.113.9"],
  ["the connection when no hop is trusted", "203.0.113.9", 0, "10.0.0.1", "10.0.0.1"],
  ["the connection without the header", null, 1, "10.0.0.1", "10.0.0.1"],
  ["the connection when the header is empty", " , ", 1, "10.0.0.1", "10.0.0.1"],
  ["IPv6", "2001:db8::1", 1, undefined, "2001:db8::1"],
  ["IPv4 in IPv6", "::ffff:203.0.113.9", 1, undefined, "::ffff:203.0.113.9"],
  ["IPv4 with a port", "203.0.113.3:51000", 1, "10.0.0.1", "203.0.113.3"],
  ["IPv6 in brackets with a port", "[2001:db8::1]:443", 1, "10.0.0.1", "2001:db8::1"],
  ["IPv6 in brackets", "[2001:db8::1]", 1, "10.0.0.1", "2001:db8::1"],
  ["an address in quotes", '"[2001:db8::1]:443"', 1, "10.0.0.1", "2001:db8::1"],
  ["IPv6 with a zone", "fe80::1%eth0", 1, "10.0.0.1", "fe80::1"],
  ["the connection when the proxy does not know", "unknown", 1, "10.0.0.1", "10.0.0.1"],
  ["a connection with a port", null, 0, "203.0.113.3:51000", "203.0.113.3"],
  ["nothing when nothing is known", null, 1, undefined, undefined],
])("%s", (_name, header, hops, remote, expected) => {
  expect(clientAddress(header, hops, remote)).toBe(expected);
});

describe("what cannot be read", () => {
  const garbage = [
    "_hidden",
    "999.1.1.1",
    "1.2.3.256",
    "::::",
    "1:2:3:4:5:6:7:8:9",
    "....:",
    "[",
    "a'; drop table users",
    "x".repeat(9_000),
  ];

  test.each(garbage)("%s becomes an address that Postgres can store and that is nobody's", (text) => {
    const address = clientAddress(text, 1, "10.0.0.1") ?? "";
    expect(address).toMatch(/^fd[0-9a-f:]+::$/);
    expect(URL.canParse(`http://[${address}]`)).toBe(true);
  });

  test("is not one address for everybody, and always the same for one text", () => {
    const networks = garbage.map((text) => networkOf(clientAddress(text, 1, "10.0.0.1") ?? ""));
    expect(new Set(networks).size).toBe(garbage.length);
    expect(clientAddress("_hidden", 1, undefined)).toBe(clientAddress("_hidden", 1, "10.0.0.1"));
  });
});
