import { randomBytes } from "node:crypto";
import { encode } from "fast-png";
import { type Facts, password, type Tenant } from "./seed.ts";

type Headers = Record<string, string>;

export type Request = {
  path: string;
  headers?: Headers;
  body?: string | Buffer;
};

/** The requests, which are repeated in turn. */
export type Scenario = {
  name: string;
  requests: Request[];
  method?: "GET" | "POST" | "PATCH";
  /** The expected status; any other one counts as failed. Default 200. */
  status?: number;
  /** The most simultaneous requests. */
  connections?: number;
};

const api = "/api/v1";
const read = (name: string, path: string, headers: Headers = {}): Scenario => ({
  name,
  requests: [{ path: `${api}${path}`, headers }],
});
const asJson = (headers: Headers, body: object) => ({
  headers: { ...headers, "Content-Type": "application/json" },
  body: JSON.stringify(body),
});

export const bare: Scenario = { name: "bare handler, one query", requests: [{ path: `${api}/bare` }] };

export const me = ({ people }: Facts): Scenario => ({
  name: "GET /auth/me",
  requests: people.map(({ headers: { Authorization = "" } }) => ({
    path: `${api}/auth/me`,
    headers: { Authorization },
  })),
});

export const status = ({ people }: Facts): Scenario => ({
  name: "status, all four credentials",
  requests: people.map(({ headers, generation_id }) => ({
    path: `${api}/generation/${generation_id}/status`,
    headers,
  })),
});

export const reads = (facts: Facts): Scenario[] => [
  me(facts),
  status(facts),
  {
    name: "list of 20, first page",
    requests: facts.people.map(({ headers }) => ({ path: `${api}/generation?per_page=20`, headers })),
  },
  read(
    `list of 20, page ${facts.deep_page} by cursor`,
    `/generation?per_page=20&cursor=${facts.heavy.cursor}`,
    facts.heavy.headers,
  ),
  read(
    `list of 20, page ${facts.deep_page} by number`,
    `/generation?page=${facts.deep_page}&per_page=20`,
    facts.heavy.headers,
  ),
  read("published pictures of a project", "/generation/public", { "X-Project-ID": facts.project_id }),
  read("published pictures of everybody", "/generation/public"),
];

export const refusals = (facts: Facts): Scenario[] => {
  const mistyped = `${facts.unknown_key.slice(0, -1)}${facts.unknown_key.endsWith("A") ? "B" : "A"}`;
  const refused = (name: string, key: string): Scenario => ({
    name: `refused key, ${name}`,
    status: 403,
    requests: status(facts).requests.map(({ path, headers }) => ({
      path,
      headers: { ...headers, "X-API-Key": key },
    })),
  });
  return [
    refused("mistyped", mistyped),
    refused("unknown", facts.unknown_key),
    refused("revoked", facts.revoked_key),
  ];
};

export const createProject = ({ developer_headers }: Facts): Scenario => ({
  name: "create a project",
  method: "POST",
  status: 201,
  requests: [
    {
      path: `${api}/projects`,
      ...asJson(developer_headers, { name: "Bench", description: "Of the benchmark" }),
    },
  ],
});

/** The picture is noise of one megabyte, which does not compress. */
export async function createGeneration({ people }: Facts): Promise<Scenario> {
  const [width, height] = [640, 512];
  const png = encode({ width, height, channels: 3, data: new Uint8Array(randomBytes(width * height * 3)) });
  const form = new FormData();
  form.set("instructions", "Turn this into a watercolour");
  form.set("files", new File([new Uint8Array(png)], "photo.png", { type: "image/png" }));
  const encoded = new Response(form);
  const type = encoded.headers.get("Content-Type") ?? "";
  const body = Buffer.from(await encoded.arrayBuffer());
  return {
    name: "create a generation, 1 MB image",
    method: "POST",
    connections: 2,
    requests: people.map(({ headers }) => ({
      path: `${api}/generation/generate-v2`,
      headers: { ...headers, "Content-Type": type },
      body,
    })),
  };
}

export const login = ({ people, project_id }: Facts): Scenario => ({
  name: "login",
  method: "POST",
  connections: 4,
  requests: people.map(({ email }) => ({
    path: `${api}/auth/login`,
    ...asJson({ "X-Project-ID": project_id }, { email, password }),
  })),
});

/** The lower bound of a login: the same accounts sign in at Supabase Auth itself, which hashes the password. */
export const authSignIn = ({ people, project_id, publishable_key }: Facts): Scenario => ({
  name: "sign-in at Auth alone (the hash)",
  method: "POST",
  connections: 4,
  requests: people.map(({ id }) => ({
    path: "/auth/v1/token?grant_type=password",
    ...asJson({ apikey: publishable_key }, { email: `${id}@${project_id}.users.invalid`, password }),
  })),
});

/** The requests of a developer's own pages. */
export function managing({ project_id, api_key_id, developer_headers }: Tenant): Scenario[] {
  const project = `/projects/${project_id}`;
  const paths = {
    "projects of a developer": "/projects",
    "a project": project,
    "users of a project": `${project}/users`,
    "users of a project, searched": `${project}/users?search=person77`,
    "statistics of a project": `${project}/stats`,
    "statistics of all projects": "/projects/stats",
    "keys of a project": `${project}/api-keys`,
    "usage of a key": `${project}/api-keys/${api_key_id}/usage?days=30`,
    "audit trail of a project": `${project}/audit`,
  };
  return Object.entries(paths).map(([name, path]) => read(name, path, developer_headers));
}

/** Further reads of a user's own account. */
export const personal = ({ people }: Facts): Scenario[] => [
  read("sessions of a person", "/auth/sessions", people[0]?.headers),
  read("quota of a project", "/generation/usage", people[0]?.headers),
];
