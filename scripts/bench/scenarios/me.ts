import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ access_token }) => ({
  name: "GET /auth/me",
  path: "/api/v1/auth/me",
  headers: { Authorization: `Bearer ${access_token}` },
});
