import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ people }) => ({
  name: "list of 20, first page",
  requests: people.map(({ headers }) => ({ path: "/api/v1/generation?per_page=20", headers })),
});
