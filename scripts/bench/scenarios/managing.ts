import type { Scenario } from "../scenario.ts";
import type { Facts, Tenant } from "../seed.ts";

const get = (name: string, path: string, headers: Record<string, string>): Scenario => ({
  name,
  requests: [{ path: `/api/v1${path}`, headers }],
});

/** What a developer's own pages ask for. */
export function managing({ project_id, api_key_id, developer_headers }: Tenant): Scenario[] {
  const project = `/projects/${project_id}`;
  return [
    get("projects of a developer", "/projects", developer_headers),
    get("a project", project, developer_headers),
    get("people of a project", `${project}/users`, developer_headers),
    get("people of a project, searched", `${project}/users?search=person77`, developer_headers),
    get("numbers of a project", `${project}/stats`, developer_headers),
    get("numbers of all projects", "/projects/stats", developer_headers),
    get("keys of a project", `${project}/api-keys`, developer_headers),
    get("usage of a key", `${project}/api-keys/${api_key_id}/usage?days=30`, developer_headers),
    get("audit trail of a project", `${project}/audit`, developer_headers),
  ];
}

/** What else people read of their accounts. */
export const personal = ({ people }: Facts): Scenario[] => [
  get("sessions of a person", "/auth/sessions", people[0]?.headers ?? {}),
  get("quota of a project", "/generation/usage", people[0]?.headers ?? {}),
];
