import { createKey } from "../../../supabase/functions/api/resources/keys/key-format.ts";

export type Headed = Record<string, string>;
export type Target = {
  /** What the paths of docs/openapi.json are appended to. */
  base: string;
  operator_key: string;
  /** Sent with every request: an address of one's own, so that the limits of others stay untouched. */
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

/** Everybody who may call, each with valid credentials; whoever lost them (a logout, a deletion) is made anew. */
export class Callers {
  readonly target: Target;
  /** Ids that exist, by the name of their parameter. */
  readonly ids: Record<string, string[]> = {};
  #headers = new Map<CallerName, Headed>();
  #renewals = new Map<CallerName, Promise<void>>();
  #count = 0;

  private constructor(target: Target) {
    this.target = target;
  }

  static async make(target: Target): Promise<Callers> {
    const callers = new Callers(target);
    await Promise.all([
      callers.renew("developer"),
      callers.renew("another tenant"),
      callers.renew("wrong credentials"),
    ]);
    callers.#headers.set("nobody", {});
    return callers;
  }

  headersOf(name: CallerName): Headed {
    return { ...this.target.headers, ...this.#headers.get(name) };
  }

  /** Whether the caller's own credentials are still good. */
  async isAlive(name: CallerName): Promise<boolean> {
    if (name === "nobody" || name === "wrong credentials") return true;
    const { "X-Project-ID": project, ...own } = this.headersOf(name);
    const path = own.Authorization === undefined ? "/api/v1/projects?page_size=1" : "/api/v1/auth/me";
    const answers = await Promise.all([
      this.#call(path, own),
      project === undefined ? undefined : this.#call("/api/v1/generation?per_page=1", this.headersOf(name)),
    ]);
    return answers.every((answer) => answer === undefined || answer.ok);
  }

  /** Makes the caller anew, once for all who ask at the same time. */
  renew(name: CallerName): Promise<void> {
    const running = this.#renewals.get(name);
    if (running !== undefined) return running;
    const renewal = this.#make(name).finally(() => this.#renewals.delete(name));
    this.#renewals.set(name, renewal);
    return renewal;
  }

  async #make(name: CallerName): Promise<void> {
    if (name === "wrong credentials") {
      const wrong = () => createKey("ak").key;
      this.#headers.set(name, { "X-Developer-Key": wrong(), "X-API-Key": wrong() });
    } else if (name === "another tenant") {
      this.#headers.set(name, (await this.#tenant()).user);
    } else if (name !== "nobody") {
      await this.#renewTenant();
    }
  }

  async #renewTenant(): Promise<void> {
    const { developer, project_id, management, user, ids } = await this.#tenant();
    this.#headers.set("developer", developer);
    this.#headers.set("developer with project", { ...developer, "X-Project-ID": project_id });
    this.#headers.set("management key", { "X-Developer-Key": management });
    this.#headers.set("operator", {
      "X-Operator-Key": this.target.operator_key,
      "X-Project-ID": project_id,
    });
    this.#headers.set("end user", user);
    for (const [kind, list] of Object.entries(ids)) this.ids[kind] = [...list, ...(this.ids[kind] ?? [])].slice(0, 6);
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
      },
    };
  }

  #register(headers: Headed): Promise<Body> {
    const email = `fuzz-${process.pid}-${Date.now()}-${this.#count++}@example.com`;
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
