import { afterAll, beforeAll, expect } from "vitest";
import { api, type Developer, type EndUser, errorOf, registerDeveloper, registerEndUser } from "./api.ts";
import { owner } from "./sql.ts";

type People = { developer: Developer; stranger: Developer; user: EndUser };
type Sent = { method?: string; headers?: Record<string, string>; json?: unknown; body?: BodyInit };

/** Counts all rows that a refused request could have created for these two developers. */
async function traces({ developer, stranger }: People): Promise<Record<string, unknown>> {
  const projects = [developer.project.id, stranger.project.id];
  const [row] = await owner`
    select
      (select count(*)::int from public.projects where owner_id in (${developer.id}, ${stranger.id})) as projects,
      (select count(*)::int from public.users where project_id = any(${projects})) as users,
      (select count(*)::int from auth.users where email like any(${projects.map((id) => `%@${id}.users.invalid`)})) as auth_users,
      (select count(*)::int from public.api_keys where project_id = any(${projects})) as api_keys,
      (select count(*)::int from public.generations where project_id = any(${projects})) as generations,
      (select coalesce(sum(generations), 0)::int from public.generation_usage where project_id = any(${projects})) as charged,
      (select count(*)::int from storage.objects where split_part(name, '/', 1) = any(${projects})) as files`;
  return row ?? {};
}

/**
 * Registers two developers and a user of the first for the tests of a file. `refuses` expects a refusal that creates
 * nothing; after all tests it checks again that nothing was created.
 */
export function watchRefusals() {
  const people = {} as People;
  let before: Record<string, unknown>;
  beforeAll(async () => {
    const [developer, stranger] = await Promise.all([registerDeveloper(), registerDeveloper()]);
    Object.assign(people, { developer, stranger, user: await registerEndUser(developer.project) });
    before = await traces(people);
  });
  afterAll(async () => {
    expect(await traces(people)).toEqual(before);
  });
  async function refuses(path: string, sent: Sent, status: number, code: string): Promise<void> {
    const answer = await api(path, sent);
    expect({ ...errorOf(answer), detail: "" }).toEqual({ status, code, detail: "" });
    expect(errorOf(answer).detail.length).toBeGreaterThan(5);
    if (status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    if (status === 422) expect(Array.isArray(answer.body.errors) || code !== "validation_failed").toBe(true);
    expect(await traces(people)).toEqual(before);
  }
  return { people, refuses };
}
