import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ app_headers }) => ({
  name: "public list of a project",
  requests: [
    { path: "/api/v1/generation/public", headers: { "X-Project-ID": app_headers["X-Project-ID"] ?? "" } },
  ],
});
