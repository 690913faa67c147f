import { randomUUID } from "node:crypto";
import { createKey } from "../../../supabase/functions/api/key.ts";

export type Headed = Record<string, string>;
export type Target = {
  /** The base URL of the paths of docs/openapi.json. */
  base: string;
  operator_key: string;
  /** Headers of every request, such as an own client address, so that the limits of others are not used. */
  headers?: Headed;
};
type Body = Record<string, any>;

const password = "Correct-horse-9";
export const callerNames = [
  "nobody",
  "wrong credentials",
  "end user",
  "developer",
  "developer with project",
  "management key",
  "operator",
  "another tenant",
] as const;
export type CallerName = (typeof callerNames)[number];

/** A tenant with every kind of caller and their valid credentials, and a caller of another tenant. */
export class Callers {
  readonly target: Target;
  /** Existing ids by the name of their parameter. */
  readonly ids: Record<string, string[]> = {};
  #headers: Partial<Record<CallerName, Headed>> = {};

  private constructor(target: Target) {
    this.target = target;
  }

  static async make(target: Target): Promise<Callers> {
    const callers = new Callers(target);
    const wrong = () => createKey("ak").key;
    callers.#headers["wrong credentials"] = { "X-Developer-Key": wrong(), "X-API-Key": wrong() };
    callers.#headers["another tenant"] = (await callers.#tenant()).user;
    await callers.renew();
    return callers;
  }

  headersOf(name: CallerName): Headed {
    return { ...this.target.headers, ...this.#headers[name] };
  }

  /** Makes new callers when a request has ended the session, key, account or project of one. */
  async ensure(): Promise<void> {
    const answers = await Promise.all([
      this.#call("/api/v1/generation?per_page=1", this.headersOf("end user")),
      this.#call(`/api/v1/projects/${this.ids.project_id?.[0]}`, this.headersOf("developer")),
      this.#call("/api/v1/projects?page_size=1", this.headersOf("management key")),
    ]);
    await Promise.all(answers.map((answer) => answer.body?.cancel()));
    if (answers.some(({ ok }) => !ok)) await this.renew();
  }

  async renew(): Promise<void> {
    const { developer, project_id, management, user, ids } = await this.#tenant();
    const project = { "X-Project-ID": project_id };
    Object.assign(this.#headers, {
      developer,
      "developer with project": { ...developer, ...project },
      "management key": { "X-Developer-Key": management },
      operator: { "X-Operator-Key": this.target.operator_key, ...project },
      "end user": user,
    });
    Object.assign(this.ids, ids);
  }

  async #tenant() {
    const operator = { "X-Operator-Key": this.target.operator_key };
    const owner = await this.#register(operator);
    const { project_id, developer_key, api_key } = owner.provisioning;
    const developer = { Authorization: `Bearer ${owner.access_token}` };
    const app = { "X-Developer-Key": developer_key, "X-Project-ID": project_id, "X-API-Key": api_key };
    const person = await this.#register(app);
    const user = { ...app, Authorization: `Bearer ${person.access_token}` };
    const [management, generation, api_keys, sessions] = await Promise.all([
      this.#post("/auth/developer-keys", developer, { name: "Fuzz", management: true }),
      this.#post("/generation/generate-v2", user, { prompt: "A lighthouse" }),
      this.#json(`/projects/${project_id}/api-keys`, developer),
      this.#json("/auth/sessions", user),
    ]);
    return {
      developer,
      project_id: String(project_id),
      management: String(management.key),
      user,
      ids: {
        project_id: [String(project_id)],
        user_id: [String(person.id)],
        generation_id: [String(generation.id)],
        key_id: [...api_keys.map(({ id }: Body) => id), management.id],
        session_id: sessions.map(({ id }: Body) => id),
        email: [person.email, owner.email],
        password: [password],
        current_password: [password],
        model: ["google/nano-banana"],
        refresh_token: [person.refresh_token],
      },
    };
  }

  #register(headers: Headed): Promise<Body> {
    const email = `fuzz-${randomUUID()}@example.com`;
    return this.#post("/auth/register", headers, { email, password });
  }

  #post(path: string, headers: Headed, json: unknown): Promise<Body> {
    return this.#json(path, { ...headers, "Content-Type": "application/json" }, JSON.stringify(json));
  }

  async #json(path: string, headers: Headed, body?: string): Promise<any> {
    const answer = await this.#call(`/api/v1${path}`, { ...this.target.headers, ...headers }, body);
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  #call(path: string, headers: Headed, body?: string): Promise<Response> {
    const init = body === undefined ? { headers } : { method: "POST", headers, body };
    return fetch(`${this.target.base}${path}`, { ...init, signal: AbortSignal.timeout(20_000) });
  }
}
