import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { api, type EndUser, registerEndUser } from "../support/api.ts";
import { BreakableProxy } from "../support/breakable-proxy.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { registerLimited } from "../support/limits.ts";
import { owner } from "../support/sql.ts";

// Both versions of Deno: that of local runs, and the one that hosted Supabase is compatible with.
describe.each(["local", "hosted"] as const)("on the %s Deno", (deno) => {
  let proxy: BreakableProxy;
  let instance: FunctionProcess;
  let users: EndUser[];

  beforeAll(async () => {
    const database = new URL(inject("stack").database_url ?? "");
    proxy = await BreakableProxy.open(0, Number(database.port));
    database.port = String(proxy.port);
    instance = await startFunction(inject("stack"), deno, { SUPABASE_DB_URL: database.href });
    const { project } = await registerLimited(owner, {});
    users = await Promise.all(Array.from({ length: 5 }, () => registerEndUser(project)));
  });
  afterAll(async () => {
    await instance?.end();
    await proxy?.cut();
  });

  let asked = 0;
  /** Reads the accounts of the users in turn, on a shared connection, and between them the usage, on a separate connection. */
  const read = async () => {
    const user = users[asked % users.length] as EndUser;
    const isAccount = asked++ % 2 === 0;
    const path = `${instance.base}/api/v1/${isAccount ? "auth/me" : "generation/usage"}`;
    const answer = await api(path, { headers: user.headers }).catch(() => undefined);
    const isForeign = isAccount && answer?.status === 200 && answer.body.id !== user.id;
    if (isForeign) throw new Error("the account of another user");
    return { status: answer?.status ?? 0, code: answer === undefined ? "no answer" : answer.body.code };
  };

  test(`twenty simultaneous requests all succeed, repeatedly, on the ${deno} Deno`, async () => {
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, read));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
  });

  test(`requests on cut database connections are 503, and the function keeps serving, on the ${deno} Deno`, async () => {
    const answers: { status: number; code: string | undefined }[] = [];
    let isLoaded = true;
    let answered = () => {};
    const load = Array.from({ length: 20 }, async () => {
      while (isLoaded && instance.isAlive()) {
        answers.push(await read());
        answered();
      }
    });
    try {
      for (let cut = 0; cut < 50; cut++) {
        const before = answers.length;
        // Each cut comes at a different moment of the running requests.
        while (instance.isAlive() && answers.length < before + 7 + (cut % 13))
          await new Promise<void>((resolve) => {
            answered = resolve;
          });
        proxy.drop();
      }
    } finally {
      isLoaded = false;
      await Promise.all(load);
    }
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(new Set(refused.map(({ status, code }) => `${status} ${code}`))).toEqual(
      new Set(["503 database_unavailable"]),
    );
    // A cut affects at most the requests on the three open connections.
    expect(refused.length).toBeLessThanOrEqual(50 * 3);
    expect(instance.isAlive()).toBe(true);
    for (let again = 0; again < 20; again++) expect((await read()).status).toBe(200);
  });
});
