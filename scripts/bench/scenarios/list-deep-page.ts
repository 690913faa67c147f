import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ heavy }) => ({
  name: "list of 20, page 5,000",
  requests: [{ path: "/api/v1/generation?page=5000&per_page=20", headers: heavy.headers }],
});
