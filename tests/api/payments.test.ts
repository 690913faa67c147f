import { beforeAll, expect, test } from "vitest";
import { api, type EndUser, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";

let user: EndUser;
beforeAll(async () => {
  user = await registerEndUser((await registerDeveloper()).project);
});

test("the endpoints of a user's subscription and payments answer that there are none", async () => {
  const headers = { ...user.headers, "X-User-Role": "end_user" };
  const subscription = await api("/payments/stripe/my-subscription", { headers });
  expect([subscription.status, subscription.body]).toEqual([200, null]);
  const payments = await api("/payments/stripe/my-payments?test_mode=true&page=1&page_size=50", { headers });
  expect([payments.status, payments.body]).toEqual([200, { payments: [], total: 0, page: 1, page_size: 50 }]);
});

test.each(["/payments/stripe/my-subscription", "/payments/stripe/my-payments"])(
  "%s needs a signed-in user and valid keys",
  async (path) => {
    expect(errorOf(await api(path))).toMatchObject({ status: 401, code: "not_authenticated" });
    const badProject = { ...user.headers, "X-Project-ID": "seven" };
    expect(errorOf(await api(path, { headers: badProject })).status).toBe(400);
    const badKey = { ...user.headers, "X-API-Key": "ak_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    expect(errorOf(await api(path, { headers: badKey })).status).toBe(403);
  },
);

test.each([
  ["POST", "/payments/stripe/checkout-session?test_mode=true"],
  ["POST", "/payments/stripe/customer-portal?test_mode=true"],
  ["GET", "/payments/stripe/projects/4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02/subscriptions"],
  ["POST", "/payments/stripe/cancel-subscription"],
  ["POST", "/payments/stripe/my-subscription"],
])("%s %s answers payments_not_offered with a sentence", async (method, path) => {
  const answer = await api(path, { method, headers: user.headers, ...(method === "POST" && { json: {} }) });
  expect(errorOf(answer)).toEqual({
    status: 501,
    code: "payments_not_offered",
    detail: "This service does not offer payments.",
  });
});
