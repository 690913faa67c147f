import { randomBytes, randomUUID } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { registerDeveloper, registerEndUser } from "../support/api.ts";
import { race } from "../support/race.ts";
import { admin, owner, type Tx } from "../support/sql.ts";
import { credentialsOf } from "../support/world.ts";

const json = (value: unknown) => owner.json(value as never);
let developer: Awaited<ReturnType<typeof registerDeveloper>>;
let user: Awaited<ReturnType<typeof registerEndUser>>;

beforeEach(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
});
const asDeveloper = () => json(credentialsOf({ token: developer.token }));
const asUser = () => {
  const { id: project_id, developer_key, api_key } = developer.project;
  return json(credentialsOf({ token: user.token, project_id, developer_key, api_key }));
};
const asApp = () =>
  json(credentialsOf({ project_id: developer.project.id, developer_key: developer.project.developer_key }));

/** Calls that create something in a project. */
const creates: [string, (sql: Tx | typeof owner) => Promise<unknown>][] = [
  [
    "a generation",
    async (sql) => {
      const generation = {
        id: randomUUID(),
        instructions: "A lighthouse",
        model: "owner/model",
        upload_ids: [],
      };
      return sql`select private.create_generation(${asUser()}, ${json(generation)})`;
    },
  ],
  ["an upload", async (sql) => sql`select private.create_uploads(${asUser()}, 1)`],
  [
    "an API key",
    async (sql) => {
      const key = { name: "Raced", key_prefix: "ak_raced", key_hash: randomBytes(32).toString("hex") };
      return sql`select private.create_api_key(${asDeveloper()}, ${developer.project.id}, ${json(key)})`;
    },
  ],
  [
    "an account",
    async (sql) => {
      const [id, email] = [randomUUID(), `raced-${randomUUID()}@example.com`];
      await admin`insert into auth.users (id, email) values (${id}, ${`${id}@raced.invalid`})`;
      return sql`select private.create_account(${asApp()}, ${json({ id, email })})`;
    },
  ],
];

const deletion = async (sql: Tx | typeof owner) =>
  sql`select private.delete_project(${asDeveloper()}, ${developer.project.id}, 7)`;

describe("creates during the deletion of a project", () => {
  test.each(creates)("creating %s is refused if a deletion of the project came first", async (_, create) => {
    expect(await race(deletion, create)).toBe("project_not_found");
  });

  test.each(creates)(
    "the deletion of a project waits for a running create of %s and then succeeds",
    async (_, create) => {
      expect(await race(create, deletion)).toBeNull();
      const [project] =
        await admin`select deleted_at is not null as deleted from public.projects where id = ${developer.project.id}`;
      expect(project?.deleted).toBe(true);
      const rows =
        await admin`select status from public.generations where project_id = ${developer.project.id}`;
      for (const { status } of rows) expect(status).toBe("canceled");
    },
  );
});
