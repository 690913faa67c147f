import { Problem } from "../local/problem.ts";
import type { Seed } from "./scenario.ts";

/** Makes what the scenarios read, through the API itself. */
export async function seed(api: string, operator_key: string): Promise<Seed> {
  const call = caller(api);
  const password = "Bench-pass-1234";
  const unique = `${process.pid}-${Date.now()}`;
  const developer = await call(
    "/auth/register",
    { "X-Operator-Key": operator_key },
    {
      email: `bench-developer-${unique}@example.com`,
      password,
    },
  );
  const { project_id, developer_key, api_key } = developer.provisioning as Record<string, string>;
  const app_headers = {
    "X-Developer-Key": developer_key ?? "",
    "X-Project-ID": project_id ?? "",
    "X-API-Key": api_key ?? "",
  };
  const user = await call("/auth/register", app_headers, {
    email: `bench-user-${unique}@example.com`,
    password,
  });
  const headers = { ...app_headers, Authorization: `Bearer ${user.access_token}` };
  const generation = await call("/generation/generate-v2", headers, { prompt: "A lighthouse at dusk" });
  const done = await call(`/generation/${generation.id}/status?wait=25`, headers);
  if (done.status !== "completed") throw new Problem(`The generation to read ended as ${done.status}.`);
  return {
    project_id: project_id ?? "",
    generation_id: String(generation.id),
    developer_token: String(developer.access_token),
    app_headers,
    access_token: String(user.access_token),
  };
}

function caller(api: string) {
  return async (path: string, headers: Record<string, string>, json?: object) => {
    const response = await fetch(`${api}${path}`, {
      method: json === undefined ? "GET" : "POST",
      headers: { "Content-Type": "application/json", ...headers },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const body = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Problem(`${path} answered ${response.status}: ${body.detail}`);
    return body;
  };
}
