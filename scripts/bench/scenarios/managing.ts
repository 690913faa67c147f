import type { MakeScenario } from "../scenario.ts";
import type { Facts } from "../seed.ts";

const get =
  (name: string, path: (facts: Facts) => string, who: "developer" | "user" = "developer"): MakeScenario =>
  (facts) => ({
    name,
    requests: [
      {
        path: `/api/v1${path(facts)}`,
        headers: who === "developer" ? facts.developer_headers : (facts.people[0]?.headers ?? {}),
      },
    ],
  });

const project = ({ project_id }: Facts) => `/projects/${project_id}`;

/** What a developer's own pages ask for, and what else people read of their accounts. */
export const managing: MakeScenario[] = [
  get("projects of a developer", () => "/projects"),
  get("a project", project),
  get("people of a project", (facts) => `${project(facts)}/users`),
  get("people of a project, searched", (facts) => `${project(facts)}/users?search=bench-user7`),
  get("numbers of a project", (facts) => `${project(facts)}/stats`),
  get("numbers of all projects", () => "/projects/stats"),
  get("keys of a project", (facts) => `${project(facts)}/api-keys`),
  get("usage of a key", (facts) => `${project(facts)}/api-keys/${facts.api_key_id}/usage?days=30`),
  get("audit trail of a project", (facts) => `${project(facts)}/audit`),
  get("sessions of a person", () => "/auth/sessions", "user"),
  get("quota of a project", () => "/generation/usage", "user"),
];
