import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ heavy }) => ({
  name: "list of 20, page 5,000 by cursor",
  requests: [{ path: `/api/v1/generation?per_page=20&cursor=${heavy.cursor}`, headers: heavy.headers }],
});
