import { randomBytes } from "node:crypto";
import { admin } from "./sql.ts";
import { hashOf, type World } from "./world.ts";

/** Makes keys of the first tenant and of the operator in every state, named by kind and state: `developer revoked`. */
export async function makeKeys({ a, operator }: World): Promise<Record<string, string>> {
  const keys: Record<string, string> = {};
  const make = async (name: string, table: string, columns: Record<string, unknown>) => {
    const key = randomBytes(24).toString("base64url");
    keys[name] = key;
    const row = { ...columns, key_prefix: key.slice(0, 8), key_hash: hashOf(key) };
    await admin`insert into ${admin(`public.${table}`)} ${admin(row as never)}`;
  };
  const [past, user_id] = [new Date(Date.now() - 60_000), a.developer.id];
  const states = {
    active: {},
    revoked: { revoked_at: past },
    rotated: { grace_ends_at: past },
    expired: { expires_at: past },
  };
  for (const [state, columns] of Object.entries(states)) {
    await make(`developer ${state}`, "developer_keys", { user_id, ...columns });
    await make(`api ${state}`, "api_keys", { project_id: a.project_id, ...columns });
    // Operator keys are not rotated with a grace period.
    if (state !== "rotated")
      await make(`operator ${state}`, "operator_keys", { user_id: operator.id, ...columns });
  }
  await make("developer management", "developer_keys", { user_id, management: true });
  await make("operator of a developer", "operator_keys", { user_id });
  return keys;
}
