import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import { api, type EndUser, type Project, registerDeveloper, registerEndUser } from "../support/api.ts";
import { type Body, freshPrompt, GenerationStack } from "../support/generation.ts";
import { operatorHeaders } from "../support/management.ts";
import { until } from "../support/until.ts";

// A plan of six generations a month refunds three cancels and sends at most 22 to the provider.
const stack = new GenerationStack(inject("stack"));
let developer: Awaited<ReturnType<typeof registerDeveloper>>;
let project: Project;
let user: EndUser;

beforeAll(
  () =>
    stack.sql`insert into public.plans (id, generations_per_month) values ('six', 6) on conflict do nothing`,
);
beforeEach(async () => {
  developer = await registerDeveloper();
  ({ project } = developer);
  await stack.setPlan(project.id, "six");
  user = await registerEndUser(project);
});
afterAll(() => stack.close());

const stalled = () => `${freshPrompt()} [[stall]]`;

async function running(prompt = stalled()): Promise<{ status: number; body: Body }> {
  const created = await stack.sendCreate(prompt, user.headers);
  if (created.status === 200)
    await until(
      "the generation runs",
      () => stack.rowOf(created.body.id),
      ({ status }) => status === "processing",
    );
  return created;
}

const endings: [string, (id: string) => Promise<Body>][] = [
  ["canceled", (id) => api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers })],
  ["deleted", (id) => api(`/generation/${id}`, { method: "DELETE", headers: user.headers })],
];

test.each(endings)(
  "of generations %s in a loop three are refunded, and then each counts until the quota is used up",
  async (_, end) => {
    const words = freshPrompt();
    let sent = 0;
    let last: Body;
    for (;;) {
      last = await running(`${words} [[stall]]`);
      if (last.status !== 200) break;
      sent++;
      expect((await end(last.body.id)).status).toBe(200);
      expect(await stack.chargesOf(project.id)).toBe(Math.max(0, sent - 3));
      expect(sent).toBeLessThan(20);
    }
    expect([last.status, last.body.code]).toEqual([429, "quota_exceeded"]);
    expect(sent).toBe(9);
    expect(await stack.callsAbout(words, "create")).toHaveLength(9);
    const { body } = await api("/generation/usage", { headers: user.headers });
    expect(body).toMatchObject({ used: 6, limit: 6, sent: 9, sent_limit: 22, canceled: 3, cancel_limit: 3 });
  },
);

test("the answer of a cancel and the list say whether the generation is charged", async () => {
  const answers: Body[] = [];
  for (let count = 0; count < 4; count++) {
    const { body } = await running();
    answers.push(
      (await api(`/generation/${body.id}/cancel`, { method: "POST", headers: user.headers })).body,
    );
  }
  expect(answers.map(({ charged }) => charged)).toEqual([false, false, false, true]);
  expect(answers[0]?.error).toMatch(/not charged/);
  expect(answers[3]?.error).toMatch(/It is charged/);
  expect(answers[3]).toMatchObject({ status: "canceled", error_code: "canceled" });
  const { body } = await api("/generation", { headers: user.headers });
  expect(body.generations.map(({ charged }: Body) => charged)).toEqual([true, false, false, false]);
});

test("a generation that was never sent to the provider is refunded on every cancel", async () => {
  for (let count = 0; count < 8; count++) {
    const prompt = freshPrompt();
    await stack.addFault(prompt, { kind: "refuse", status: 429, retry_after: 600 });
    const { id } = await stack.makeGeneration(prompt, user.headers);
    await until("the submission waits", async () => {
      const { submission, submission_attempts } = await stack.rowOf(id);
      return submission === "waiting" && submission_attempts === 1;
    });
    const { body } = await api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers });
    expect(body.charged).toBe(false);
  }
  const { body } = await api("/generation/usage", { headers: user.headers });
  expect(body).toMatchObject({ used: 0, sent: 0, canceled: 0 });
});

test("of six parallel cancels exactly the monthly three are refunded", async () => {
  const ids: string[] = [];
  for (let count = 0; count < 6; count++) ids.push((await running()).body.id);
  const answers = await Promise.all(
    ids.map((id) => api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers })),
  );
  expect(answers.filter(({ body }) => body.charged)).toHaveLength(3);
  expect(await stack.chargesOf(project.id)).toBe(3);
});

test("failed generations are not charged, and the monthly limit of submissions ends them", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[nsfw]]`, user.headers);
  expect(await stack.waitForEnd(id, user.headers)).toMatchObject({ status: "failed", charged: false });
  await stack.sql`update public.generation_usage set sent = 21 where project_id = ${project.id}`;
  const { id: last } = await stack.makeGeneration(`${freshPrompt()} [[fail]]`, user.headers);
  expect(await stack.waitForEnd(last, user.headers)).toMatchObject({ status: "failed", charged: false });
  const refused = await stack.sendCreate(freshPrompt(), user.headers);
  expect([refused.status, refused.body.code]).toEqual([429, "sent_limit_reached"]);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await stack.chargesOf(project.id)).toBe(0);
});

test("deleting and restoring a project refunds no more running generations than cancels do", async () => {
  for (let count = 0; count < 5; count++) await running();
  await api(`/projects/${project.id}`, { method: "DELETE", headers: developer.headers });
  await api(`/projects/${project.id}/restore`, { method: "POST", headers: developer.headers });
  expect(await stack.chargesOf(project.id)).toBe(2);
});

test("deleting a user refunds no more running generations than cancels do", async () => {
  for (let count = 0; count < 5; count++) await running();
  const gone = await api(`/projects/${project.id}/users/${user.id}`, {
    method: "DELETE",
    headers: operatorHeaders,
  });
  expect(gone.status).toBe(204);
  expect(await stack.chargesOf(project.id)).toBe(2);
});

test("a project without a quota refunds every cancel", async () => {
  await stack.setPlan(project.id, "premium");
  for (let count = 0; count < 5; count++) {
    const { body } = await running();
    const answer = await api(`/generation/${body.id}/cancel`, { method: "POST", headers: user.headers });
    expect(answer.body.charged).toBe(false);
  }
  const { body } = await api("/generation/usage", { headers: user.headers });
  expect(body).toMatchObject({ sent: 5, sent_limit: null, cancel_limit: null });
});
