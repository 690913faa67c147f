import { expect, test } from "vitest";
import { ApiError } from "../errors.ts";
import type { Sent } from "./hot-reads.ts";
import { createKnownRefusals } from "./known-refusals.ts";

const sent: Sent = {
  user_id: "user",
  session_id: "session",
  project_id: "project",
  developer_key_hash: "developer",
  api_key_hash: "api",
};
const revoked = () => new ApiError("api_key_revoked", { isFinal: true });

async function refusedOnce(error = revoked()) {
  const clock = { ms: 0 };
  const refusals = createKnownRefusals(() => clock.ms);
  await expect(refusals.remember(sent, () => Promise.reject(error))).rejects.toBe(error);
  return { refusals, clock };
}

test("a final refusal is repeated for the same credentials for ten seconds", async () => {
  const { refusals, clock } = await refusedOnce();
  clock.ms = 9_999;
  expect(() => refusals.check({ ...sent })).toThrow("api_key_revoked");
  clock.ms = 10_000;
  refusals.check(sent);
});

test("a refusal that is not final is not repeated", async () => {
  const { refusals } = await refusedOnce(new ApiError("api_key_invalid"));
  refusals.check(sent);
});

test("a refusal is not repeated when any credential differs", async () => {
  const { refusals } = await refusedOnce();
  const others: Sent[] = [
    ...Object.keys(sent).map((name) => ({ ...sent, [name]: "other" })),
    ...Object.keys(sent).map((name) => ({ ...sent, [name]: undefined })),
    { ...sent, operator_key_hash: "operator" },
    { ...sent, origin: "https://example.com" },
  ];
  for (const other of others) refusals.check(other);
});

test("an answer is passed on, and no refusal is known after it", async () => {
  const refusals = createKnownRefusals();
  expect(await refusals.remember(sent, async () => "answer")).toBe("answer");
  refusals.check(sent);
});

test("at most 1,000 refusals are known, the latest ones", async () => {
  const { refusals } = await refusedOnce();
  for (let key = 0; key < 1_000; key++) {
    const guess = { ...sent, api_key_hash: `guess ${key}` };
    await refusals.remember(guess, () => Promise.reject(revoked())).catch(() => {});
  }
  refusals.check(sent);
  expect(() => refusals.check({ ...sent, api_key_hash: "guess 0" })).toThrow("api_key_revoked");
});
