import type { MiddlewareHandler } from "hono";
import type { AppEnv, Credentials, Deps } from "../context.ts";
import { keyKinds } from "../key-kinds.ts";
import { type KeyUse, recordKeyUsage } from "./store.ts";

/** Unknown keys are counted too until the database ignores them. This bounds their memory. */
const maxKeys = 5_000;

/**
 * Counts requests per key and UTC day in the memory of this isolate, and writes them in one call some seconds later. No request
 * waits for it. The counts of an isolate that is killed are lost.
 */
export function countKeyUsage(flushAfterMs = 5_000): MiddlewareHandler<AppEnv> {
  let counts = new Map<string, KeyUse>();
  let isScheduled = false;

  function add(use: KeyUse): void {
    const id = `${use.kind}:${use.day}:${use.key_hash}`;
    const known = counts.get(id);
    if (known === undefined) {
      if (counts.size < maxKeys) counts.set(id, use);
      return;
    }
    known.requests += use.requests;
    known.errors += use.errors;
    if (use.used_at > known.used_at) known.used_at = use.used_at;
  }

  function schedule(deps: Deps): void {
    if (isScheduled || counts.size === 0) return;
    isScheduled = true;
    const pause = new Promise<void>((resolve) => setTimeout(resolve, flushAfterMs));
    deps.background(pause.then(() => flush(deps)));
  }

  async function flush(deps: Deps): Promise<void> {
    const batch = [...counts.values()];
    counts = new Map();
    isScheduled = false;
    try {
      await recordKeyUsage(deps.database, batch);
    } catch (error) {
      for (const use of batch) add(use);
      throw error;
    }
  }

  return async (c, next) => {
    await next();
    const credentials = c.get("credentials") as Credentials | undefined;
    if (credentials === undefined) return;
    let usedAt: string | undefined;
    for (const { kind, field } of keyKinds) {
      const key_hash = credentials[field];
      if (key_hash === undefined) continue;
      usedAt ??= new Date().toISOString();
      const errors = c.res.status >= 400 ? 1 : 0;
      add({ kind, key_hash, day: usedAt.slice(0, 10), requests: 1, errors, used_at: usedAt });
    }
    schedule(c.get("deps"));
  };
}
