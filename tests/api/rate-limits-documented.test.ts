import { beforeAll, describe, expect, inject, test } from "vitest";
import { api, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { operations } from "../support/contract/document.ts";
import { exampleRequest } from "../support/contract/request.ts";
import { createPlan, limitHeadersOf } from "../support/limits.ts";
import { openDatabase } from "../support/management.ts";

const sql = openDatabase();
const { urls } = inject("stack");

describe("operations that document 429", () => {
  // These take a token instead of credentials and have their own limits.
  const withOwnLimits = ["auth.refresh", "auth.verifyEmail", "auth.checkMailToken", "auth.resetPassword"];
  const limited = operations.filter(({ id, responses }) => "429" in responses && !withOwnLimits.includes(id));
  let callers: Record<"app" | "developer" | "user", Record<string, string>>;

  beforeAll(async () => {
    const developer = await registerDeveloper();
    const { project } = developer;
    const user = await registerEndUser(project);
    callers = { app: project.headers, developer: developer.headers, user: user.headers };
    const plan = await createPlan(sql, { requests_per_day: 1, auth_calls_per_hour: 1, reads_per_minute: 1 });
    await sql`update public.users set plan_id = ${plan} where id = ${developer.id}`;
    const requests = [project.id, developer.id].map((id) => `requests:${id}`);
    const reads = [user.id, developer.id].map((id) => `reads:${id}`);
    await sql`
      insert into private.rate_limits (bucket, used, resets_at)
      select bucket, 1, now() + interval '1 hour' from (
        select unnest(${[...requests, ...reads]}::text[]) union all
        select private.address_bucket(purpose, ${project.id}, '127.0.0.1') from unnest(array['auth', 'reads']) purpose
      ) as full_buckets (bucket)`;
  });

  test.each(limited.map((operation) => [operation.id, operation] as const))(
    "%s answers 429 to a caller over the limit",
    async (_id, operation) => {
      const { path, json } = exampleRequest(operation);
      const needsToken = operation.security.some((choice) => "accessToken" in choice);
      const who = /\/(projects|developer-keys|plans)/.test(path) ? "developer" : needsToken ? "user" : "app";
      const init = { method: operation.method, headers: callers[who] };
      const answer = await api(`${urls.base}${path}`, json === undefined ? init : { ...init, json });
      expect(errorOf(answer)).toMatchObject({ status: 429, code: "rate_limited" });
      expect(limitHeadersOf(answer.headers)).toMatchObject({ limit: 1, remaining: 0 });
    },
  );
});
