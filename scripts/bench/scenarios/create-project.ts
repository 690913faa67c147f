import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ developer_headers }) => ({
  name: "create a project",
  method: "POST",
  status: 201,
  requests: [
    {
      path: "/api/v1/projects",
      headers: { ...developer_headers, "Content-Type": "application/json" },
      body: JSON.stringify({ name: "Bench", description: "Made by the benchmark" }),
    },
  ],
});
