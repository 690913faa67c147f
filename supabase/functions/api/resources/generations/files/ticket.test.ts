import { describe, expect, test } from "vitest";
import { readTicket, signTicket } from "./ticket.ts";

const env = { secret_key: "sb_secret_one" };
const id = "7d1fd0a6-9a5d-4f0e-8f2c-0a8d0c6c3f7e";
const other = "00000000-0000-4000-8000-000000000000";
const now = Date.parse("2026-11-24T09:20:00Z");
const ticket = signTicket(env, id, "output", 0, 3, now);
const minutes = (count: number) => now + count * 60_000;

test("a ticket opens its picture for one to two hours, tells its link version, and stays the same within an hour", () => {
  expect(readTicket(env, ticket, id, "output", 0, now)).toBe(3);
  expect(readTicket(env, ticket, id, "output", 0, minutes(99))).toBe(3);
  expect(readTicket(env, ticket, id, "output", 0, minutes(101))).toBeNull();
  expect(signTicket(env, id, "output", 0, 3, minutes(39))).toBe(ticket);
  expect(signTicket(env, id, "output", 0, 3, minutes(41))).not.toBe(ticket);
});

test("a ticket that is remembered is never another picture's, an older one, or another secret's", () => {
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

describe("a ticket opens nothing else", () => {
  const [expires = "", version = "", signature = ""] = ticket.split(".");
  test.each([
    ["another generation", env, ticket, other, "output", 0],
    ["an example", env, ticket, id, "example", 0],
    ["another index", env, ticket, id, "output", 1],
    ["another secret", { secret_key: "sb_secret_two" }, ticket, id, "output", 0],
    ["a later end", env, `${Number(expires) + 3600}.${version}.${signature}`, id, "output", 0],
    ["a changed signature", env, `${expires}.${version}.${signature.slice(0, -2)}AA`, id, "output", 0],
    ["another link version", env, `${expires}.${Number(version) + 1}.${signature}`, id, "output", 0],
    ["no link version", env, `${expires}.${signature}`, id, "output", 0],
    ["no signature", env, expires, id, "output", 0],
    ["letters of two bytes", env, `${expires}.${version}.${"é".repeat(43)}`, id, "output", 0],
    ["nothing", env, "", id, "output", 0],
  ] as const)("%s", (_name, secret, text, generation, kind, index) => {
    expect(readTicket(secret, text, generation, kind, index, now)).toBeNull();
  });
});
