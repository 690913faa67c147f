import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ people }) => ({
  name: "status, all four credentials",
  requests: people.map(({ headers, generation_id }) => ({
    path: `/api/v1/generation/${generation_id}/status`,
    headers,
  })),
});
