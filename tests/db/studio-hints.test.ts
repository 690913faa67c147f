import { beforeAll, expect, test } from "vitest";
import { admin, rolledBack, type Tx } from "../support/sql.ts";
import { makeWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
test.each<[string, string, (tx: Tx) => Promise<unknown>]>([
  [
    "changes a password",
    "request-password-reset",
    (tx) => tx`update auth.users set encrypted_password = 'x' where id = ${world.a.user.id}`,
  ],
  [
    "changes the email of a user of Auth",
    "/auth/change-email",
    (tx) => tx`update auth.users set email = 'new@studio.invalid' where id = ${world.a.user.id}`,
  ],
  [
    "sets a generation back to pending",
    "never back",
    async (tx) => {
      const [{ id } = {}] =
        await tx`select id from public.generations where project_id = ${world.a.project_id} limit 1`;
      await tx`update public.generations set status = 'canceled', error_code = 'canceled', error = 'Canceled.',
        charge = 'refunded', completed_at = now() where id = ${id}`;
      await tx`update public.generations set status = 'pending', charge = 'reserved', completed_at = null where id = ${id}`;
    },
  ],
  ["deletes audit events", "They are deleted after the time", (tx) => tx`delete from public.audit_events`],
])("the refusal for an admin who %s in Studio has a hint what to do instead", async (_what, words, work) => {
  const hint = await rolledBack(work, admin).then(
    () => "no refusal",
    (error: { hint?: string }) => error.hint,
  );
  expect(hint).toContain(words);
});
