import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { serveStatic } from "@hono/node-server/serve-static";
import { Hono, type MiddlewareHandler } from "hono";
import { etag } from "hono/etag";
import type postgres from "postgres";
import { signTicket } from "../../supabase/functions/api/resources/generations/files/ticket.ts";
import { docsFolder } from "./docs-site.ts";
import { landingPage, landingPolicy, type Picture } from "./landing-html.ts";
import { type NodeBindings, refusal, wrongMethod } from "./local-server.ts";
import { isLocalHost } from "./loopback.ts";
import { repositoryRoot, samplePhoto } from "./settings.ts";
import type { Stack } from "./stack-facts.ts";

export type OwnPagesOptions = {
  /** The data of the page at `/`, when every part answers. */
  landing?: () => { facts: Stack; sql: postgres.Sql } | undefined;
};

type PagesEnv = { Bindings: NodeBindings };

const shownPictures = 8;

/** Scalar needs inline styles, and shows pictures of answers. No other host is allowed. */
const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const plainText = "text/plain; charset=utf-8";
const typesBeside: Record<string, string> = { md: "text/markdown; charset=utf-8", yml: plainText };

/** Lets a browser keep a file as long as it has not changed. */
const asFile: MiddlewareHandler = async (c, next) => {
  await next();
  const type = typesBeside[c.req.path.split(".").pop() ?? ""];
  if (type !== undefined && c.res.ok) c.header("content-type", type);
  c.header("cache-control", "no-cache");
  c.header("x-content-type-options", "nosniff");
};

/** What the gateway answers itself: the documentation, its schema, and a page for the person at the browser. */
export function ownPages({ landing }: OwnPagesOptions): Hono<PagesEnv> {
  const app = new Hono<PagesEnv>();
  app.onError((error) => {
    throw error;
  });
  app.notFound((c) => refusal(c.req.raw, 404, "not_found", "The documentation has no such page."));
  app.use(async (c, next) => {
    if (c.req.method === "GET" || c.req.method === "HEAD") return next();
    const answer = refusal(c.req.raw, ...wrongMethod);
    answer.headers.set("allow", "GET, HEAD");
    return answer;
  });

  app.get("/", async (c) => {
    const shown = landing?.();
    if (shown === undefined) return c.notFound();
    const { facts, sql } = shown;
    return c.body(landingPage(facts, await lastPictures(sql, facts.keys.secret)), 200, {
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
  });
  // This is for tools, which may run in a page of any origin.
  app.get("/openapi.json", etag(), asFile, async (c, next) => {
    c.header("access-control-allow-origin", "*");
    return serveStatic({ path: join(repositoryRoot, "docs", "openapi.json") })(c, next);
  });

  app.get("/docs", (c) => c.redirect("/docs/", 308));
  // The keys of the demo project, for the script of the reference. A page of another origin gets none.
  app.get("/docs/demo.json", (c) => {
    const isOwn = c.req.header("sec-fetch-site") === "same-origin" && isLocalHost(c.req.header("host"));
    const { developer_key, project_id, api_key } = landing?.()?.facts.credentials ?? {};
    return c.json(isOwn ? { developer_key, project_id, api_key } : {}, isOwn ? 200 : 403, {
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
      "x-content-type-options": "nosniff",
    });
  });
  app.get("/docs/sample.png", etag(), asFile, serveStatic({ path: samplePhoto }));
  const currentDocs = docsFolder();
  app.get("/docs/*", etag(), asFile, async (c) => {
    const root = await currentDocs();
    c.header("content-security-policy", docsPolicy);
    c.header("referrer-policy", "no-referrer");
    const file = (end: string) =>
      serveStatic<PagesEnv>({ root, rewriteRequestPath: (path) => path.slice("/docs".length) + end })(
        c,
        async () => {},
      );
    return (await file("")) ?? (await file(".html")) ?? c.notFound();
  });
  return app;
}

/**
 * Whether a request comes from a person's browser. A page of another site can send a request by a script, which the fetch
 * metadata shows, or by a name that leads to this machine, which the host shows.
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
