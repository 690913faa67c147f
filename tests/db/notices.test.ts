import { randomBytes, randomUUID } from "node:crypto";
import { beforeAll, expect, test } from "vitest";
import { admin, refusalOf, rolledBack, type Tx } from "../support/sql.ts";
import { credentialsOf, makeWorld, type World } from "../support/world.ts";

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
const asDeveloper = (tx: Tx) => tx.json(credentialsOf({ token: world.a.developer.token }));
const newKey = (tx: Tx) =>
  tx.json({ name: "Again", key_prefix: "ak_again", key_hash: randomBytes(32).toString("hex") });

/** Resets the count of notices and removes the waiting ones. */
async function forgetNotices(tx: Tx, userId: string, kind: string): Promise<void> {
  await tx`delete from private.auth_attempts where bucket = private.bucket_name('notice:' || ${kind}::text, ${userId})`;
  await tx`delete from private.mail_outbox where user_id = ${userId} and kind = ${kind}`;
}

async function mailsOf(tx: Tx, userId: string, kind: string): Promise<number> {
  await tx`reset role`;
  const [row] = await tx`
    select count(*)::int as mails from private.mail_outbox where user_id = ${userId} and kind = ${kind}`;
  return row?.mails;
}

test("20 changes of a password mail at most ten notices", async () => {
  const mails = await rolledBack(async (tx) => {
    for (let change = 0; change < 20; change++) {
      await tx`select private.permit_password(${world.a.user.id}, null)`;
      await tx`update auth.users set encrypted_password = ${`hash ${change}`} where id = ${world.a.user.id}`;
    }
    return mailsOf(tx, world.a.user.id, "password_changed");
  }, admin);
  expect(mails).toBe(10);
});

test("creating and revoking 20 API keys mails at most ten notices", async () => {
  const mails = await rolledBack(async (tx) => {
    await forgetNotices(tx, world.a.developer.id, "key_created");
    for (let made = 0; made < 20; made++) {
      await tx`reset role`;
      const [row] = await tx`
        select private.create_api_key(${asDeveloper(tx)}, ${world.a.project_id}, ${newKey(tx)}) ->> 'id' as id`;
      await tx`reset role`;
      await tx`select private.revoke_api_key(${asDeveloper(tx)}, ${world.a.project_id}, ${row?.id})`;
    }
    return mailsOf(tx, world.a.developer.id, "key_created");
  });
  expect(mails).toBe(10);
});

test("a developer has at most ten keys in their grace period, and their rotations mail at most ten notices", async () => {
  await rolledBack(async (tx) => {
    const rotate = async (id: string, graceSeconds: number) => {
      await tx`reset role`;
      const [row] = await tx`
        select private.rotate_developer_key(${asDeveloper(tx)}, ${id}, ${newKey(tx)}, ${graceSeconds}) ->> 'id' as id`;
      return row?.id as string;
    };
    await forgetNotices(tx, world.a.developer.id, "key_created");
    const [first] = await tx`select id from public.developer_keys where user_id = ${world.a.developer.id}`;
    let id = first?.id as string;
    for (let made = 0; made < 10; made++) id = await rotate(id, 3600);
    expect(await refusalOf(tx.savepoint(() => rotate(id, 3600)))).toBe("developer_key_limit_reached");
    await rotate(id, 0);
    expect(await mailsOf(tx, world.a.developer.id, "key_created")).toBe(10);
  });
});

test("an owner can offer at most 20 projects at once", async () => {
  await rolledBack(async (tx) => {
    const offer = async () => {
      const id = randomUUID();
      await tx`reset role`;
      await tx`insert into public.projects (id, owner_id, name) values (${id}, ${world.a.developer.id}, 'Again')`;
      return tx`select private.offer_project(${asDeveloper(tx)}, ${id}, ${world.b.developer.email})`;
    };
    for (let made = 0; made < 20; made++) await offer();
    expect(await refusalOf(tx.savepoint(offer))).toBe("mail_limit_exceeded");
  });
});
