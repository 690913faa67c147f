import { beforeAll, expect, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  type Headed,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";

// Every combination of the tokens and keys of two tenants is tried on the resources of tenant B.
type Tenant = {
  developer: Developer;
  user: EndUser;
  generation: string;
  api_key_id: string;
  developer_key_id: string;
  session_id: string;
};
let a: Tenant;
let b: Tenant;

async function makeTenant(): Promise<Tenant> {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  const generation = await api("/generation/generate-v2", {
    headers: user.headers,
    json: { prompt: "A lighthouse" },
  });
  const keys = await api(`/projects/${developer.project.id}/api-keys`, { headers: developer.headers });
  const developerKeys = await api("/auth/developer-keys", { headers: developer.headers });
  const sessions = await api("/auth/sessions", { headers: user.headers });
  const id = (answer: { body: unknown }) => (answer.body as { id: string }[])[0]?.id ?? "";
  return {
    developer,
    user,
    generation: generation.body.id,
    api_key_id: id(keys),
    developer_key_id: id(developerKeys),
    session_id: id(sessions),
  };
}

beforeAll(async () => {
  [a, b] = await Promise.all([makeTenant(), makeTenant()]);
});

type Case = { token: string; dev: string; key: string; project: string; headers: Headed };

function combinations(): Case[] {
  const tokens: [string, string | undefined][] = [
    ["-", undefined],
    ["A developer", a.developer.token],
    ["A user", a.user.token],
    ["B developer", b.developer.token],
    ["B user", b.user.token],
  ];
  const sides: [string, Tenant | undefined][] = [
    ["-", undefined],
    ["A", a],
    ["B", b],
  ];
  return tokens.flatMap(([token, access]) =>
    sides.flatMap(([dev, d]) =>
      sides.flatMap(([key, k]) =>
        sides.map(([project, p]) => ({
          token,
          dev,
          key,
          project,
          headers: {
            ...(access === undefined ? {} : { Authorization: `Bearer ${access}` }),
            ...(d === undefined ? {} : { "X-Developer-Key": d.developer.project.developer_key }),
            ...(k === undefined ? {} : { "X-API-Key": k.developer.project.api_key }),
            ...(p === undefined ? {} : { "X-Project-ID": p.developer.project.id }),
          },
        })),
      ),
    ),
  );
}

// All requests are refused, so they can run one after another on the same tenant.
const requests: [name: string, path: () => string, init?: { method?: string; json?: unknown }][] = [
  ["project", () => `/projects/${b.developer.project.id}`],
  ["rename", () => `/projects/${b.developer.project.id}`, { method: "PATCH", json: { name: "Taken over" } }],
  ["keys", () => `/projects/${b.developer.project.id}/api-keys`],
  ["new key", () => `/projects/${b.developer.project.id}/api-keys`, { json: {} }],
  ["users", () => `/projects/${b.developer.project.id}/users`],
  ["del user", () => `/projects/${b.developer.project.id}/users/${b.user.id}`, { method: "DELETE" }],
  ["dev key", () => `/auth/developer-keys/${b.developer_key_id}`, { method: "DELETE" }],
  ["session", () => `/auth/sessions/${b.session_id}`, { method: "DELETE" }],
  ["picture", () => `/generation/${b.generation}/status`],
  ["file", () => `/generation/${b.generation}/image`],
];

test("without a token of tenant B no combination of keys reaches a resource of tenant B", async () => {
  const lines: string[] = [];
  const opened: string[] = [];
  const cases = combinations().filter(({ token }) => !token.startsWith("B"));
  for (const { token, dev, key, project, headers } of cases) {
    const answers = await Promise.all(requests.map(([, path, init]) => api(path(), { ...init, headers })));
    const statuses = answers.map((answer) => answer.status);
    lines.push(row([token, dev, key, project], statuses));
    statuses.forEach((status, index) => {
      if (![400, 401, 403, 404].includes(status)) opened.push(`${requests[index]?.[0]}: ${lines.at(-1)}`);
    });
  }
  const head = row(
    ["token", "developer key", "API key", "project"],
    requests.map(([name]) => name),
  );
  console.log(
    `Requests for what is B's (${cases.length} × ${requests.length}):\n${head}\n${lines.join("\n")}`,
  );
  expect(opened).toEqual([]);
});

test("an end user of tenant B reads a generation only with all of B's own keys", async () => {
  const lines: string[] = [];
  for (const { token, dev, key, project, headers } of combinations().filter(
    ({ token }) => token === "B user",
  )) {
    const { status } = await api(`/generation/${b.generation}/status`, { headers });
    lines.push(row([token, dev, key, project], [status]));
    const own = dev === "B" && key === "B" && project === "B";
    if (own) expect(status).toBe(200);
    else expect([401, 403, 404], lines.at(-1)).toContain(status);
  }
  console.log(`B's user asks for B's picture:\n${lines.join("\n")}`);
});

test("/auth/me shows the token's own account with every combination of keys, or refuses", async () => {
  const shown = new Set<string>();
  for (const { token, headers } of combinations()) {
    const { status, body } = await api("/auth/me", { headers });
    if (status === 200) shown.add(token);
    const owner = {
      "A developer": a.developer,
      "A user": a.user,
      "B developer": b.developer,
      "B user": b.user,
    }[token];
    if (status === 200) expect(body.id).toBe(owner?.id);
    else expect([401, 403, 404]).toContain(status);
  }
  expect([...shown]).toEqual(["A developer", "A user", "B developer", "B user"]);
});

test("requests with the credentials of tenant A change nothing of tenant B", async () => {
  const { developer, user, generation } = b;
  expect((await api(`/projects/${developer.project.id}`, { headers: developer.headers })).body.name).toBe(
    "My first project",
  );
  expect((await api("/auth/me", { headers: user.headers })).status).toBe(200);
  expect((await api(`/generation/${generation}/status`, { headers: user.headers })).status).toBe(200);
  const keys = await api<unknown[]>(`/projects/${developer.project.id}/api-keys`, {
    headers: developer.headers,
  });
  expect(keys.body).toHaveLength(1);
});

function row(labels: string[], cells: (string | number)[]): string {
  return [...labels.map((label) => label.padEnd(14)), ...cells.map((cell) => String(cell).padStart(9))].join(
    "",
  );
}
