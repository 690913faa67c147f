import { expect, test } from "vitest";
import { clientAddress } from "./client-address.ts";

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
  ["nothing for a name", "unknown", 1, "10.0.0.1", undefined],
  ["nothing for a text with quotes", "203.0.113.9'; drop table users", 1, "10.0.0.1", undefined],
  ["nothing when nothing is known", null, 1, undefined, undefined],
])("%s", (_name, header, hops, remote, expected) => {
  expect(clientAddress(header, hops, remote)).toBe(expected);
});

test.each(["999.1.1.1", "1.2.3.256", "::::", "1:2:3:4:5:6:7:8:9", "....:", "fe80::1%eth0"])(
  "%s is no address, since the database could not store it",
  (text) => {
    expect(clientAddress(text, 1, undefined)).toBeUndefined();
  },
);
