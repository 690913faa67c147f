import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ access_token, app_headers, generation_id }) => ({
  name: "GET /generation/{id}/status",
  path: `/api/v1/generation/${generation_id}/status`,
  headers: { ...app_headers, Authorization: `Bearer ${access_token}` },
});
