import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = () => ({
  name: "public list of everybody",
  requests: [{ path: "/api/v1/generation/public" }],
});
