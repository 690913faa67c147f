import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type KitEnv, type Outcome, StarterKit } from "./starter-kit.ts";

const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const form = (action: string, label: string, fields: string) =>
  `<form method="post" action="${action}">${fields}<button>${label}</button></form>`;
const field = (name: string, label: string, type = "text") =>
  `<label>${label}<input name="${name}" type="${type}"></label>`;
const account = `${field("email", "Email")}${field("password", "Password", "password")}`;

/** The image page of the kit runs in the browser. It creates a generation and polls it every two seconds. */
const imagePage = (api: string) => `<h1>Image Generation</h1>
<form id="make"><label>Instructions<textarea name="instructions"></textarea></label>
<label>Example Images<input type="file" name="files" multiple></label><button>Generate Image</button></form>
<p role="status"></p><div id="result"></div>
<script>
const status = document.querySelector("[role=status]");
document.getElementById("make").addEventListener("submit", async (event) => {
  event.preventDefault();
  const response = await fetch("${api}/generation/generate-anonymous", { method: "POST", body: new FormData(event.target) });
  let generation = await response.json();
  if (!response.ok) { status.textContent = generation.detail; return; }
  const timer = setInterval(async () => {
    const poll = await fetch("${api}/generation/anonymous-generations/" + generation.id + "/status");
    generation = { ...generation, ...(await poll.json()) };
    status.textContent = generation.status;
    if (generation.status !== "completed" && generation.status !== "failed") return;
    clearInterval(timer);
    for (const src of [generation.generated_image_url, ...generation.example_images])
      document.getElementById("result").append(Object.assign(new Image(), { src }));
  }, 2000);
});
</script>`;

/** A small app with the pages of the Starter Kit and the requests of its server, for browser tests. */
export class StarterKitApp {
  readonly #env: KitEnv;
  readonly #server: Server;

  constructor(env: KitEnv) {
    this.#env = env;
    this.#server = createServer((request, response) => {
      this.#answer(request).then(
        ({ html, to, cookie }) => {
          if (cookie !== undefined) response.setHeader("Set-Cookie", `token=${cookie}; Path=/; HttpOnly`);
          if (to !== undefined) response.writeHead(303, { Location: to }).end();
          else
            response
              .setHeader("Content-Type", "text/html; charset=utf-8")
              .end(`<!doctype html><main>${html}</main>`);
        },
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "localhost", resolve));
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage): Promise<{ html?: string; to?: string; cookie?: string }> {
    const kit = new StarterKit(this.#env);
    kit.token = /token=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
    const { pathname } = new URL(request.url ?? "/", "http://kit");
    const posted = new URLSearchParams(request.method === "POST" ? await textOf(request) : "");
    const of = (name: string) => posted.get(name) ?? "";
    const after = (outcome: Outcome) =>
      "leads_to" in outcome
        ? { to: outcome.leads_to, cookie: kit.token ?? "" }
        : { html: `<p role="alert">${escaped(outcome.shows)}</p>` };
    switch (`${request.method} ${pathname}`) {
      case "GET /login":
        return { html: `<h1>Login</h1>${form("/login", "Sign in", account)}` };
      case "POST /login":
        return after(await kit.login(of("email"), of("password")));
      case "GET /register":
        return {
          html: `<h1>Register</h1>${form("/register", "Create account", `${account}${field("full_name", "Full name")}`)}`,
        };
      case "POST /register":
        return after(
          await kit.register({ email: of("email"), password: of("password"), full_name: of("full_name") }),
        );
      case "GET /register/developer/success":
        return { html: "<h1>Your project is ready</h1>" };
      case "POST /sign-out":
        return { to: "/login", cookie: "" };
      case "GET /image":
        return { html: imagePage(this.#env.api) };
      case "POST /pay":
        return {
          html: `<p role="alert">${escaped(await kit.pay("checkout-session", { price_id: "price_1" }))}</p>`,
        };
      default:
        return this.#ofAccount(kit, pathname);
    }
  }

  async #ofAccount(kit: StarterKit, pathname: string): Promise<{ html?: string; to?: string }> {
    const person = await kit.person();
    if (person === null) return { to: "/login" };
    if (pathname !== "/billing")
      return {
        html: `<h1>Welcome, ${escaped(person.full_name ?? person.email)}</h1><p>${person.role} at ${pathname}</p>${form("/sign-out", "Sign out", "")}`,
      };
    const subscription = await kit.read("/payments/stripe/my-subscription?test_mode=true");
    const payments = await kit.read("/payments/stripe/my-payments?test_mode=true&page=1&page_size=50");
    const shown =
      subscription.body === null ? "You don't have an active subscription." : JSON.stringify(subscription);
    return {
      html: `<h1>Billing</h1><p>${shown}</p><p>${payments.body.total} payments</p>${form("/pay", "Subscribe", "")}`,
    };
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
