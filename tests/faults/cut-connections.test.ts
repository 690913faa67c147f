import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { api, type EndUser, registerEndUser } from "../support/api.ts";
import { Breakable } from "../support/breakable.ts";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { registerLimited } from "../support/limits.ts";
import { owner } from "../support/sql.ts";

// Both Denos: the one of local runs, and the one that hosted Supabase is compatible with.
describe.each(["local", "hosted"] as const)("on the %s Deno", (deno) => {
  let way: Breakable;
  let instance: FunctionProcess;
  let user: EndUser;

  beforeAll(async () => {
    const database = new URL(inject("stack").database_url ?? "");
    way = await Breakable.open(0, Number(database.port));
    database.port = String(way.port);
    instance = await startFunction(inject("stack"), deno, { SUPABASE_DB_URL: database.href });
    user = await registerEndUser((await registerLimited(owner, {})).project);
  });
  afterAll(async () => {
    await instance?.end();
    await way?.cut();
  });

  const me = async () => {
    const path = `${instance.base}/api/v1/auth/me`;
    const answer = await api(path, { headers: user.headers }).catch(() => undefined);
    return { status: answer?.status ?? 0, code: answer === undefined ? "no answer" : answer.body.code };
  };

  test("twenty requests at once are all answered, round after round", async () => {
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, me));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    }
  });

  test("connections that are cut under load cost their own requests a 503, and the function serves on", async () => {
    const answers: { status: number; code: string | undefined }[] = [];
    let isLoaded = true;
    const load = Array.from({ length: 20 }, async () => {
      while (isLoaded && instance.isAlive()) answers.push(await me());
    });
    try {
      for (let cut = 0; cut < 50; cut++) {
        const before = answers.length;
        // Somewhere in the middle of what is under way, and at another place each time.
        while (instance.isAlive() && answers.length < before + 7 + (cut % 13))
          await new Promise(setImmediate);
        way.drop();
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
    // A cut hits no more than the connections that there are.
    expect(refused.length).toBeLessThanOrEqual(50 * 3);
    expect(instance.isAlive()).toBe(true);
    for (let again = 0; again < 20; again++) expect((await me()).status).toBe(200);
  });
});
