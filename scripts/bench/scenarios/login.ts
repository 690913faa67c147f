import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ people, app_headers, password }) => ({
  name: "login",
  method: "POST",
  connections: 4,
  requests: people.map(({ email }) => ({
    path: "/api/v1/auth/login",
    headers: { "X-Project-ID": app_headers["X-Project-ID"] ?? "", "Content-Type": "application/json" },
    body: JSON.stringify({ email, password }),
  })),
});
