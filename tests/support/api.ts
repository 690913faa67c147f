import { inject } from "vitest";

export type Answer<T = Record<string, unknown>> = { status: number; headers: Headers; body: T };
export type Headed = Record<string, string>;
type Init = { method?: string; headers?: Headed; json?: unknown; body?: BodyInit };

const { urls, credentials } = inject("stack");

export const password = "Correct-horse-9";

/** Sends a request to a path below `/api/v1` or to a whole URL. A JSON answer is parsed, any other is text. */
export async function api<T = Record<string, any>>(path: string, init: Init = {}): Promise<Answer<T>> {
  const {
    json,
    headers = {},
    method = json === undefined && init.body === undefined ? "GET" : "POST",
  } = init;
  const response = await fetch(/^https?:/.test(path) ? path : `${urls.api}${path}`, {
    method,
    redirect: "manual",
    headers: { ...(json === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    ...(json === undefined
      ? init.body === undefined
        ? {}
        : { body: init.body }
      : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json");
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : text) as T,
  };
}

let count = 0;
/** A unique email address. */
export const freshEmail = (name = "person") => `${name}-${process.pid}-${Date.now()}-${count++}@example.com`;

export type Developer = {
  id: string;
  email: string;
  token: string;
  refresh_token: string;
  headers: Headed;
  project: Project;
};
export type Project = { id: string; developer_key: string; api_key: string; headers: Headed };
export type EndUser = { id: string; email: string; token: string; refresh_token: string; headers: Headed };

/** Registers a developer, who gets a project and keys. `project.headers` name the app, as in a Starter Kit. */
export async function registerDeveloper(email = freshEmail("developer")): Promise<Developer> {
  const { status, body } = await api("/auth/register", {
    headers: { "X-Operator-Key": credentials.operator_key ?? "" },
    json: { email, password, full_name: "Dev Eloper" },
  });
  if (status !== 201) throw new Error(`registration of a developer: ${status} ${JSON.stringify(body)}`);
  const { project_id, developer_key, api_key } = body.provisioning;
  return {
    id: body.id,
    email,
    token: body.access_token,
    refresh_token: body.refresh_token,
    headers: { Authorization: `Bearer ${body.access_token}` },
    project: {
      id: project_id,
      developer_key,
      api_key,
      headers: { "X-Developer-Key": developer_key, "X-Project-ID": project_id, "X-API-Key": api_key },
    },
  };
}

/** Registers an end user of the project. `headers` are all four credentials. */
export async function registerEndUser(project: Project, email = freshEmail("user")): Promise<EndUser> {
  const { status, body } = await api("/auth/register", {
    headers: project.headers,
    json: { email, password },
  });
  if (status !== 201) throw new Error(`registration of an end user: ${status} ${JSON.stringify(body)}`);
  return {
    id: body.id,
    email,
    token: body.access_token,
    refresh_token: body.refresh_token,
    headers: { ...project.headers, Authorization: `Bearer ${body.access_token}` },
  };
}

/** Checks that an answer has the form of the API's errors. @returns its status, code and sentence */
export function errorOf(answer: Answer<Record<string, unknown>>): {
  status: number;
  code: unknown;
  detail: string;
} {
  const { detail, code, request_id } = answer.body;
  if (
    typeof detail !== "string" ||
    typeof code !== "string" ||
    request_id !== answer.headers.get("x-request-id")
  ) {
    throw new Error(`not an error of the contract: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return { status: answer.status, code, detail };
}

/** Signs in; end users name their project. */
export async function login(
  email: string,
  headers: Headed = {},
  secret = password,
): Promise<{ token: string; refresh_token: string; headers: Headed }> {
  const { status, body } = await api("/auth/login", { headers, json: { email, password: secret } });
  if (status !== 200) throw new Error(`login: ${status} ${JSON.stringify(body)}`);
  return {
    token: body.access_token,
    refresh_token: body.refresh_token,
    headers: { Authorization: `Bearer ${body.access_token}` },
  };
}
