import { describe, expect, test } from "vitest";
import { readTicket, signTicket } from "./ticket.ts";

const env = { secret_key: "sb_secret_one" };
const id = "7d1fd0a6-9a5d-4f0e-8f2c-0a8d0c6c3f7e";
const other = "00000000-0000-4000-8000-000000000000";
const now = Date.parse("2026-11-24T09:20:00Z");
const ticket = signTicket(env, id, "output", 0, 3, now);
const minutes = (count: number) => now + count * 60_000;

test("a ticket is valid for one to two hours, contains the link version, and stays the same for up to an hour", () => {
  expect(readTicket(env, ticket, id, "output", 0, now)).toBe(3);
  expect(readTicket(env, ticket, id, "output", 0, minutes(99))).toBe(3);
  expect(readTicket(env, ticket, id, "output", 0, minutes(101))).toBeNull();
  expect(signTicket(env, id, "output", 0, 3, minutes(39))).toBe(ticket);
  expect(signTicket(env, id, "output", 0, 3, minutes(41))).not.toBe(ticket);
});

test("tickets differ for each picture, kind, index, link version, secret and hour", () => {
  const first = signTicket(env, id, "output", 0, 3, now);
  const signed = [
    first,
    signTicket(env, id, "output", 1, 3, now),
    signTicket(env, id, "example", 0, 3, now),
    signTicket(env, id, "output", 0, 4, now),
    signTicket(env, other, "output", 0, 3, now),
    signTicket({ secret_key: "sb_secret_two" }, id, "output", 0, 3, now),
    signTicket(env, id, "output", 0, 3, minutes(60)),
  ];
  expect(new Set(signed).size).toBe(signed.length);
  expect(signTicket(env, id, "output", 0, 3, now)).toBe(first);
});

describe("refused tickets", () => {
  const [expires = "", version = "", signature = ""] = ticket.split(".");
  test.each([
    ["for another generation", env, ticket, other, "output", 0],
    ["for an example", env, ticket, id, "example", 0],
    ["for another index", env, ticket, id, "output", 1],
    ["under another secret", { secret_key: "sb_secret_two" }, ticket, id, "output", 0],
    ["with a later end", env, `${Number(expires) + 3600}.${version}.${signature}`, id, "output", 0],
    ["with a changed signature", env, `${expires}.${version}.${signature.slice(0, -2)}AA`, id, "output", 0],
    ["with another link version", env, `${expires}.${Number(version) + 1}.${signature}`, id, "output", 0],
    ["without a link version", env, `${expires}.${signature}`, id, "output", 0],
    ["without a signature", env, expires, id, "output", 0],
    ["with a signature of two-byte letters", env, `${expires}.${version}.${"é".repeat(43)}`, id, "output", 0],
    ["without any text", env, "", id, "output", 0],
  ] as const)("a ticket is refused %s", (_name, secret, text, generation, kind, index) => {
    expect(readTicket(secret, text, generation, kind, index, now)).toBeNull();
  });
});
