import { randomBytes } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { type Developer, registerDeveloper } from "../support/api.ts";
import { race } from "../support/race.ts";
import { admin, owner, type Tx } from "../support/sql.ts";
import { credentialsOf } from "../support/world.ts";

const json = (value: unknown) => owner.json(value as never);
let seller: Developer;
let receiver: Developer;
let webhook: string;

beforeEach(async () => {
  seller = await registerDeveloper();
  receiver = await registerDeveloper();
  await admin`update public.users set email_verified_at = now() where id = ${receiver.id}`;
  await admin`insert into public.project_transfers (project_id, owner_id, email, expires_at)
    values (${seller.project.id}, ${seller.id}, ${receiver.email}, 'infinity')`;
  const [made] = await admin`insert into public.webhooks (project_id, url, events, secret)
    values (${seller.project.id}, 'https://seller.example', '{user.created}', 'whsec_x') returning id`;
  webhook = made?.id;
});

const as = ({ token }: Developer) => json(credentialsOf({ token }));
const accept = (sql: Tx) => sql`select private.accept_project(${as(receiver)}, ${seller.project.id})`;
const freshKey = () => json({ key_prefix: "ak_raced", key_hash: randomBytes(32).toString("hex") });

/** Calls of the seller that would still have an effect when the project has another owner. */
const changes: [string, (sql: Tx) => Promise<unknown>][] = [
  [
    "setting the page of reset links",
    async (sql) => sql`select private.update_project(${as(seller)}, ${seller.project.id},
      ${json({ reset_url: "https://seller.example/reset" })})`,
  ],
  [
    "creating an API key",
    async (sql) => sql`select private.create_api_key(${as(seller)}, ${seller.project.id}, ${freshKey()})`,
  ],
  [
    "creating a webhook",
    async (sql) => sql`select private.create_webhook(${as(seller)}, ${seller.project.id},
      ${json({ url: "https://seller.example", events: ["user.created"], secret: "whsec_y" })})`,
  ],
  [
    "activating a webhook",
    async (sql) => sql`select private.update_webhook(${as(seller)}, ${seller.project.id}, ${webhook},
      ${json({ is_active: true })})`,
  ],
  [
    "learning the next secret of a webhook",
    async (sql) => sql`select private.rotate_webhook_secret(${as(seller)}, ${seller.project.id}, ${webhook},
      'whsec_z', 0)`,
  ],
  [
    "deleting the project",
    async (sql) => sql`select private.delete_project(${as(seller)}, ${seller.project.id}, 7)`,
  ],
];

test.each(changes)("%s is refused to the old owner if the transfer came first", async (_, change) => {
  expect(await race(accept, change)).toBe("project_not_found");
});

test.each(changes.slice(0, -1))(
  "a transfer ends the effect of %s by the old owner just before it",
  async (_, change) => {
    expect(await race(change, accept)).toBeNull();
    const [left] = await admin`select p.owner_id, p.reset_url,
    (select count(*)::int from public.webhooks w where w.project_id = p.id and w.is_active) as webhooks,
    (select count(*)::int from public.api_keys k where k.project_id = p.id and k.revoked_at is null) as keys
    from public.projects p where p.id = ${seller.project.id}`;
    expect(left).toEqual({ owner_id: receiver.id, reset_url: null, webhooks: 0, keys: 0 });
  },
);
