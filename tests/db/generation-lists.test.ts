import { beforeAll, expect, test } from "vitest";
import { type Developer, registerDeveloper } from "../support/api.ts";
import { admin, rolledBack, type Tx } from "../support/sql.ts";

let developer: Developer;

beforeAll(async () => {
  developer = await registerDeveloper();
});
type Page = { total: number; generations: { id: string; created_at: string }[] };

/** Runs `work` in a project with 1,205 published pictures, two of each instant. */
const withGallery = (work: (tx: Tx, projectId: string) => Promise<void>) =>
  rolledBack(async (tx) => {
    await tx`set local session_replication_role = replica`;
    await tx`insert into public.generations (id, project_id, user_id, instructions, model, charge, charged_month, status,
        outputs, is_public, completed_at, created_at)
      select gen_random_uuid(), ${developer.project.id}, ${developer.id}, 'x', 'm', 'committed', '2026-01-01', 'completed',
        '[1]', true, now(), now() - n / 2 * interval '1 minute'
      from generate_series(1, 1205) n`;
    await tx`set local session_replication_role = origin`;
    await work(tx, developer.project.id);
  }, admin);

async function gallery(
  tx: Tx,
  projectId: string,
  after?: Page["generations"][number],
  total: number | null = null,
) {
  let answer: Page | undefined;
  await tx.savepoint(async (inner) => {
    const [row] = await inner<{ page: Page }[]>`select private.list_public_generations(
      ${inner.json({ project_id: projectId })}, 1, 100, ${after?.created_at ?? null}, ${after?.id ?? null}, ${total}) as page`;
    answer = row?.page;
    await inner`reset role`;
  });
  return answer as Page;
}

test("the total of the public list is capped at 1,000", () =>
  withGallery(async (tx, projectId) => {
    expect((await gallery(tx, projectId)).total).toBe(1_000);
  }));

test("paging the public list by cursor returns every picture once, beyond 1,000 and with equal instants too", () =>
  withGallery(async (tx, projectId) => {
    const seen: string[] = [];
    let last: Page["generations"][number] | undefined;
    for (let more = true; more; ) {
      const { generations, total } = await gallery(tx, projectId, last, 1_000);
      expect(total).toBe(1_000);
      more = generations.length > 100;
      seen.push(...generations.slice(0, 100).map(({ id }) => id));
      last = generations.slice(0, 100).at(-1);
    }
    expect(seen).toHaveLength(1_205);
    expect(new Set(seen).size).toBe(1_205);
  }));

test.each([
  [
    "the project is deactivated",
    (tx: Tx, id: string) => tx`update public.projects set is_active = false where id = ${id}`,
  ],
  [
    "its developer is deactivated",
    (tx: Tx) => tx`update public.users set deactivated_at = now() where id = ${developer.id}`,
  ],
])("the public list shows no picture of a project if %s", (_name, close) =>
  withGallery(async (tx, projectId) => {
    await close(tx, projectId);
    expect(await gallery(tx, projectId)).toEqual({ total: 0, generations: [] });
    const [row] = await tx<{ page: Page }[]>`
      select private.list_public_generations('{}', 1, 100, null, null, null) as page`;
    const shown = row?.page.generations.map(({ id }) => id) ?? [];
    await tx`reset role`;
    const own =
      await tx`select id from public.generations where id = any (${shown}) and project_id = ${projectId}`;
    expect(own).toHaveLength(0);
  }),
);
