import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ people }) => ({
  name: "GET /auth/me",
  requests: people.map(({ headers: { Authorization = "" } }) => ({
    path: "/api/v1/auth/me",
    headers: { Authorization },
  })),
});
