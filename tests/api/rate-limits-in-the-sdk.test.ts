import { describe, expect, inject, test } from "vitest";
import { createClient, memorySession, RateLimitError } from "../../packages/client/src/index.ts";
import { registerEndUser } from "../support/api.ts";
import { endWindow, registerLimited } from "../support/limits.ts";
import { openDatabase } from "../support/management.ts";

const sql = openDatabase();
const { urls } = inject("stack");

async function limited(limits: Parameters<typeof registerLimited>[1]) {
  const developer = await registerLimited(sql, limits);
  return { developer, project: developer.project, user: await registerEndUser(developer.project) };
}

describe("the SDK", () => {
  async function client(limits: Parameters<typeof registerLimited>[1]) {
    const { project, user } = await limited(limits);
    const statuses: number[] = [];
    const sdk = createClient({
      url: urls.base,
      developerKey: project.developer_key,
      projectId: project.id,
      apiKey: project.api_key,
      session: memorySession({
        access_token: user.token,
        refresh_token: user.refresh_token,
        expires_at: new Date(Date.now() + 1_800_000).toISOString(),
      }),
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        statuses.push(response.status);
        return response;
      },
    });
    return { sdk, statuses, project };
  }

  test("the SDK waits for Retry-After and then repeats a refused request once", async () => {
    const { sdk, statuses, project } = await client({ requests_per_day: 1 });
    await sdk.generations.list().all();
    await endWindow(sql, project.id, 2);
    await sdk.generations.list().all();
    expect(statuses).toEqual([200, 429, 200]);
  });

  test("the SDK throws a RateLimitError instead of waiting for two hours", async () => {
    const { sdk, statuses, project } = await client({ requests_per_day: 1 });
    await sdk.generations.list().all();
    await endWindow(sql, project.id, 7_200);
    const refused = await sdk.generations
      .list()
      .all()
      .catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RateLimitError);
    expect((refused as RateLimitError).retryAfterMs).toBeGreaterThan(7_000_000);
    expect(statuses).toEqual([200, 429]);
  });
});
