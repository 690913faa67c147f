import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ heavy, deep_page }) => ({
  name: `list of 20, page ${deep_page}`,
  requests: [{ path: `/api/v1/generation?page=${deep_page}&per_page=20`, headers: heavy.headers }],
});
