import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ heavy, deep_page }) => ({
  name: `list of 20, page ${deep_page} by cursor`,
  requests: [{ path: `/api/v1/generation?per_page=20&cursor=${heavy.cursor}`, headers: heavy.headers }],
});
