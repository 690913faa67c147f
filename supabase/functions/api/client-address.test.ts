import { describe, expect, test } from "vitest";
import { clientAddress } from "./client-address.ts";
import { networkOf } from "./resources/generations/input/anonymous-client.ts";

test.each<[string, string | null, number, string | undefined, string | undefined]>([
  ["the only hop", "203.0.113.9", 1, "10.0.0.1", "203.0.113.9"],
  [
    "the hop that the platform added, not the one that the caller claims",
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
  [
    "the leftmost hop when there are fewer hops than trusted proxies",
    "203.0.113.9",
    3,
    "10.0.0.1",
    "203.0.113.9",
  ],
  ["the connection when no hop is trusted", "203.0.113.9", 0, "10.0.0.1", "10.0.0.1"],
  ["the connection without the header", null, 1, "10.0.0.1", "10.0.0.1"],
  ["the connection when the header is empty", " , ", 1, "10.0.0.1", "10.0.0.1"],
  ["an IPv6 hop", "2001:db8::1", 1, undefined, "2001:db8::1"],
  ["an IPv4 hop mapped to IPv6", "::ffff:203.0.113.9", 1, undefined, "::ffff:203.0.113.9"],
  ["an IPv4 hop without its port", "203.0.113.3:51000", 1, "10.0.0.1", "203.0.113.3"],
  ["an IPv6 hop without its brackets and port", "[2001:db8::1]:443", 1, "10.0.0.1", "2001:db8::1"],
  ["an IPv6 hop without its brackets", "[2001:db8::1]", 1, "10.0.0.1", "2001:db8::1"],
  ["a hop without its quotes", '"[2001:db8::1]:443"', 1, "10.0.0.1", "2001:db8::1"],
  ["an IPv6 hop without its zone", "fe80::1%eth0", 1, "10.0.0.1", "fe80::1"],
  ["the connection when the header says `unknown`", "unknown", 1, "10.0.0.1", "10.0.0.1"],
  ["the connection without its port", null, 0, "203.0.113.3:51000", "203.0.113.3"],
  ["undefined without a header and a connection", null, 1, undefined, undefined],
])("the client's address is %s", (_name, header, hops, remote, expected) => {
  expect(clientAddress(header, hops, remote)).toBe(expected);
});

describe("unreadable addresses", () => {
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

  test.each(garbage)(
    "the unreadable address %s becomes a private address that PostgreSQL can store",
    (text) => {
      const address = clientAddress(text, 1, "10.0.0.1") ?? "";
      expect(address).toMatch(/^fd[0-9a-f:]+::$/);
      expect(URL.canParse(`http://[${address}]`)).toBe(true);
    },
  );

  test("different unreadable addresses become different addresses, and equal ones become the same", () => {
    const networks = garbage.map((text) => networkOf(clientAddress(text, 1, "10.0.0.1") ?? ""));
    expect(new Set(networks).size).toBe(garbage.length);
    expect(clientAddress("_hidden", 1, undefined)).toBe(clientAddress("_hidden", 1, "10.0.0.1"));
  });
});
