import { type Body, photo } from "./generation.ts";
import { until } from "./until.ts";

/** The settings in `.env.local` of a Starter Kit. */
export type KitEnv = {
  mode: "project" | "console" | "operator";
  api: string;
  operator_key?: string;
  developer_key?: string;
  project_id?: string;
  project_key?: string;
};
/** The page that a form of the kit leads to, or the text that it shows. */
export type Outcome = { leads_to: string } | { shows: string };
export type Person = { full_name: string | null; email: string; role: string; project_id: string | null };

const roles = { project: "end_user", console: "developer", operator: "platform_operator" } as const;
const homes: Record<string, string> = {
  platform_operator: "/portal",
  developer: "/console",
  end_user: "/dashboard",
};

/** The requests of a Starter Kit's server and the fields that it reads, as in its versions 1.7 to 1.9. */
export class StarterKit {
  readonly #env: KitEnv;
  /** The cookie that keeps a person signed in. */
  token: string | undefined;

  constructor(env: KitEnv) {
    this.#env = env;
  }

  /** The headers of its mode. */
  get #mode(): Record<string, string> {
    const { mode, operator_key, developer_key, project_id, project_key } = this.#env;
    return Object.fromEntries(
      Object.entries({
        "X-User-Role": roles[mode],
        "X-Operator-Key": mode === "operator" ? operator_key : undefined,
        "X-Developer-Key": mode === "operator" ? undefined : developer_key,
        "X-Project-ID": mode === "project" ? project_id : undefined,
        "X-API-Key": mode === "project" ? project_key : undefined,
      }).filter((header): header is [string, string] => header[1] !== undefined),
    );
  }

  #fetch(path: string, headers: Record<string, string>, body?: unknown): Promise<Response> {
    return fetch(`${this.#env.api.replace(/\/$/, "")}/api/v1${path}`, {
      method: body === undefined ? "GET" : "POST",
      // The kit sends the content type of JSON even without a body.
      headers: { "Content-Type": "application/json", ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
  }

  /** @param roleHeader the value of X-User-Role. Older versions send the role of their mode. */
  async register(
    fields: { email: string; password: string; full_name?: string },
    roleHeader: string = this.#env.mode === "project" ? "end_user" : "developer",
  ): Promise<Outcome & { provisioning?: Body }> {
    const keys =
      this.#env.mode === "project" ? this.#mode : { "X-Operator-Key": this.#env.operator_key ?? "" };
    const response = await this.#fetch("/auth/register", { ...keys, "X-User-Role": roleHeader }, fields);
    const answer = (await response.json()) as Body;
    if (response.status === 409) return { shows: "An account already exists for this email." };
    if (response.status === 429) return { shows: "Too many registration attempts. Please try again later." };
    if (response.status >= 500) return { shows: "Unexpected server error. Please try again." };
    if (!response.ok) return { shows: answer.detail };
    if (answer.access_token && answer.refresh_token) this.token = answer.access_token;
    if (this.#env.mode === "project") return { leads_to: "/dashboard" };
    const { project_id, developer_key, api_key } = answer.provisioning ?? {};
    if (!project_id || !developer_key || !api_key)
      return { shows: "Provisioning data is missing from the registration response." };
    return { leads_to: "/register/developer/success", provisioning: answer.provisioning };
  }

  async login(email: string, password: string): Promise<Outcome> {
    const { mode, project_id } = this.#env;
    const named: Record<string, string> =
      mode === "project" && project_id !== undefined ? { "X-Project-ID": project_id } : {};
    const response = await this.#fetch("/auth/login", named, { email, password });
    const answer = (await response.json()) as Body;
    if (!response.ok && answer.detail.toLowerCase().includes("not activated"))
      return { shows: "Account not activated. Please check your email for the verification link." };
    if (!response.ok) return { shows: answer.detail };
    this.token = answer.access_token;
    const person = await this.person();
    return person === null
      ? { shows: "Failed to retrieve user information. Please try again." }
      : { leads_to: homes[person.role] ?? "/dashboard" };
  }

  /** The person that its pages greet. Null leads to the login. */
  async person(): Promise<Person | null> {
    if (this.token === undefined) return null;
    const response = await this.#fetch("/auth/me", { Authorization: `Bearer ${this.token}` });
    if (!response.ok) return null;
    const { id, email, role, is_active, full_name, project_id } = (await response.json()) as Body;
    const isWhole = id && email && homes[role] !== undefined && typeof is_active === "boolean";
    return isWhole ? { email, role, full_name: full_name ?? null, project_id: project_id ?? null } : null;
  }

  /** Removes the cookie without a request. */
  signOut(): void {
    this.token = undefined;
  }

  /** Sends a read with the headers of the mode and the token, as its dashboards and its billing page do. */
  async read(path: string): Promise<{ status: number; body: any }> {
    const response = await this.#fetch(path, { ...this.#mode, Authorization: `Bearer ${this.token}` });
    return { status: response.status, body: await response.json() };
  }

  /** Presses a button of the billing page. @returns the text that it shows */
  async pay(path: string, body: object): Promise<string> {
    const headers = { ...this.#mode, Authorization: `Bearer ${this.token}` };
    const response = await this.#fetch(`/payments/stripe/${path}?test_mode=true`, headers, body);
    return ((await response.json()) as Body).detail ?? "a page to pay at";
  }

  /** Uses the image page, which runs in the browser without keys. @returns the picture, or the error that it shows */
  async imagePage(instructions: string): Promise<{ picture?: Body; shows?: string }> {
    const page = { Origin: "http://localhost:3000" };
    const base = `${this.#env.api}/generation`;
    const form = new FormData();
    form.append("instructions", instructions);
    form.append("files", new File([photo()], "photo.png", { type: "image/png" }));
    const made = await fetch(`${base}/generate-anonymous`, { method: "POST", body: form, headers: page });
    const created = (await made.json()) as Body;
    if (!made.ok) return { shows: created.detail };
    const picture = await until("the picture has ended", async () => {
      const address = `${base}/anonymous-generations/${created.id}/status`;
      const seen = (await (await fetch(address, { headers: page })).json()) as Body;
      return ["completed", "failed"].includes(seen.status) && { ...created, ...seen };
    });
    return { picture };
  }
}
