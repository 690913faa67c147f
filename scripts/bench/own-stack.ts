import postgres from "postgres";
import { adminUrlOf } from "../local/keys.ts";
import { findFreeBase } from "../local/ports.ts";
import { portsFrom } from "../local/settings.ts";
import { openStack } from "../local/stack-child.ts";

/** Connects as a superuser, for one statement at a time. */
export const openAdmin = (url: string) => postgres(url, { max: 1, onnotice: () => {} });

/** Starts `npm start` on free ports, with its data in this folder. */
export async function openOwnStack(data: string) {
  const base = await findFreeBase();
  const { stack, stop } = await openStack(["--port", String(base), "--data", data]);
  const ports = portsFrom(base);
  const admin = openAdmin(adminUrlOf(ports));
  return {
    ports,
    operator_key: stack.credentials.operator_key,
    admin,
    async stop() {
      await admin.end();
      await stop();
    },
  };
}
