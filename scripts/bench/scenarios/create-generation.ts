import { generationBody } from "../image.ts";
import type { MakeScenario } from "../scenario.ts";

export const scenario: MakeScenario = ({ people }) => {
  const { body, type } = generationBody();
  return {
    name: "create a generation, 1 MB image",
    method: "POST",
    connections: 2,
    requests: people.map(({ headers }) => ({
      path: "/api/v1/generation/generate-v2",
      headers: { ...headers, "Content-Type": type },
      body,
    })),
  };
};
