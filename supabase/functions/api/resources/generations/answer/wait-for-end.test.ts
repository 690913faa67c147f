import { expect, test } from "vitest";
import { waiterOf } from "./wait-for-end.ts";

test("a wait counts for the account, else for the operator key, else for the network of the client", () => {
  const ip = "2001:db8:0:7::1";
  const network = waiterOf({ ip });
  expect(waiterOf({ ip: "2001:db8:0:7:ffff::2" })).toBe(network);
  expect(waiterOf({ ip: "2001:db8:0:8::1" })).not.toBe(network);
  expect(waiterOf({ ip, operator_key_hash: "key" })).toBe("key");
  expect(waiterOf({ ip, operator_key_hash: "key", user_id: "account" })).toBe("account");
});
