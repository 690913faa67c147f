import type { MakeScenario, Scenario } from "../scenario.ts";
import type { Facts } from "../seed.ts";

const refused = (name: string, { people, app_headers }: Facts, apiKey: string): Scenario => ({
  name,
  status: 403,
  requests: people.map(({ headers, generation_id }) => ({
    path: `/api/v1/generation/${generation_id}/status`,
    headers: { ...headers, ...app_headers, "X-API-Key": apiKey },
  })),
});

export const mistyped: MakeScenario = (facts) =>
  refused(
    "refused key: mistyped",
    facts,
    `${facts.unknown_key.slice(0, -1)}${facts.unknown_key.endsWith("A") ? "B" : "A"}`,
  );
export const unknown: MakeScenario = (facts) => refused("refused key: unknown", facts, facts.unknown_key);
export const revoked: MakeScenario = (facts) => refused("refused key: revoked", facts, facts.revoked_key);
