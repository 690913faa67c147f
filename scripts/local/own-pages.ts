import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import type postgres from "postgres";
import { signTicket } from "../../supabase/functions/api/resources/generations/files/tickets.ts";
import { DocsSite } from "./docs-site.ts";
import type { Keys } from "./keys.ts";
import { type LandingFacts, landingPage, landingPolicy, type Picture } from "./landing-html.ts";
import { isLocalHost } from "./loopback.ts";
import { repositoryRoot } from "./settings.ts";
import { firstFile, sendFile } from "./static-file.ts";

const shownPictures = 8;

/** What the gateway answers itself: the documentation, its schema, and a page for the person at the browser. */
export class OwnPages {
  readonly #docs = new DocsSite();

  docs(request: IncomingMessage, response: ServerResponse, path: string): Promise<boolean> {
    return this.#docs.answer(request, response, path);
  }

  /** For tools, which may run in a page of any origin. */
  async openapi(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const file = await firstFile([join(repositoryRoot, "docs", "openapi.json")]);
    if (file === undefined) throw new Error("docs/openapi.json is missing");
    sendFile(request, response, file, { "access-control-allow-origin": "*" });
  }

  /** The keys of the demo project, for the reference's own script: a page of another origin gets none. */
  demo(request: IncomingMessage, response: ServerResponse, { credentials }: LandingFacts): void {
    const isOwn = request.headers["sec-fetch-site"] === "same-origin" && isLocalHost(request.headers.host);
    const { developer_key, project_id, api_key } = credentials;
    response.writeHead(isOwn ? 200 : 403, {
      "content-type": "application/json",
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
    });
    response.end(JSON.stringify(isOwn ? { developer_key, project_id, api_key } : {}));
  }

  /** A picture to try an upload with. */
  async sample(request: IncomingMessage, response: ServerResponse, { paths }: LandingFacts): Promise<void> {
    const file = await firstFile([paths.sample]);
    if (file === undefined) throw new Error("the sample picture is missing");
    sendFile(request, response, file, {});
  }

  /** Shows keys: to a browser that opened it as a page under a name of this machine, and to nothing else. */
  async landing(
    request: IncomingMessage,
    response: ServerResponse,
    facts: LandingFacts,
    sql: postgres.Sql,
    keys: Pick<Keys, "secret">,
  ) {
    const html = landingPage(facts, await lastPictures(sql, keys.secret));
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": landingPolicy(facts),
      "cache-control": "no-store",
      vary: "accept, sec-fetch-dest",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    response.end(request.method === "HEAD" ? undefined : html);
  }
}

/**
 * A page of another site can make a browser ask in two ways. It can run a script, which the fetch metadata shows, or use a name
 * that leads to this machine, which the host shows.
 */
export function wantsLanding({ method, headers }: IncomingMessage): boolean {
  const reads = method === "GET" || method === "HEAD";
  const asked = headers.accept?.includes("text/html") === true;
  const opened = (headers["sec-fetch-dest"] ?? "document") === "document" && headers.origin === undefined;
  return reads && asked && opened && isLocalHost(headers.host);
}

async function lastPictures(sql: postgres.Sql, secretKey: string): Promise<Picture[]> {
  const rows = await sql<{ id: string; instructions: string; link_version: number }[]>`
    select generations.id, generations.instructions, generations.link_version
    from public.generations left join public.projects on projects.id = generations.project_id
    where generations.status = 'completed' and projects.deleted_at is null
    order by generations.created_at desc limit ${shownPictures}`;
  return rows.map(({ id, instructions, link_version }) => ({
    prompt: instructions,
    src: `/api/v1/generation/${id}/image?index=0&ticket=${signTicket({ secret_key: secretKey }, id, "output", 0, link_version)}`,
  }));
}
