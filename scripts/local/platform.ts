import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import type postgres from "postgres";
import { type AuthOptions, authCors, authRoutes } from "./auth-routes.ts";
import { readConfig } from "./config.ts";
import type { Lite } from "./lite.ts";
import { refusal } from "./local-server.ts";
import { fileHeaders, withBucketId, withStorageNames } from "./storage-shims.ts";
import { takeTurns } from "./take-turns.ts";
import { type PlatformEnv, toLite } from "./to-lite.ts";

export type PlatformOptions = AuthOptions & {
  /** Auth, REST and Storage with their database. Undefined until they have started. */
  parts: () => { lite: Lite; sql: postgres.Sql } | undefined;
};

/** Auth, REST and Storage: lite, with the features that it lacks. */
export function platform({ parts, ...options }: PlatformOptions): Hono<PlatformEnv> {
  const app = new Hono<PlatformEnv>({ strict: false });
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    throw error;
  });
  app.use("/auth/v1/*", authCors);
  app.use(async (c, next) => {
    const found = parts();
    if (found === undefined)
      return refusal(c.req.raw, 503, "starting", "The stack is starting. Try again in a moment.");
    c.set("lite", found.lite);
    c.set("sql", found.sql);
    c.set("authorization", await options.tokens.toInternal(c.req.header("authorization")));
    return next();
  });
  app.route("/auth/v1", authRoutes(readConfig(), options));
  app.use("/storage/v1/object/*", async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(fileHeaders(new URL(c.req.url)))) c.header(name, value);
    if (c.req.method === "HEAD") await c.res.body?.cancel();
  });
  // Lite answers 500 if the token of a signed URL has expired or was changed. Storage answers 400.
  app.on(
    ["GET", "PUT"],
    ["/storage/v1/object/sign/*", "/storage/v1/object/upload/sign/*"],
    async (c, next) => {
      const token = c.req.query("token");
      const message = token && (await options.tokens.problemOfSignedUrl(token));
      if (!message) return next();
      c.header("access-control-allow-origin", "*");
      return c.json({ statusCode: "400", error: "InvalidJWT", message }, 400);
    },
  );
  const turns = takeTurns();
  // Lite looks for the object, then writes the file: an upload that began earlier could replace a picture after its check.
  app.put("/storage/v1/object/upload/sign/*", async (c) => {
    await turns(decodeURIComponent(c.req.path), async () => {
      c.res = await toLite(c);
    });
    return c.res;
  });
  // For HEAD, lite would open the file and drop it.
  app.get("/storage/v1/object/*", (c) => toLite(c, undefined, "GET"));
  app.on("POST", ["/storage/v1/object/sign/*", "/storage/v1/object/upload/sign/*"], async (c) =>
    withStorageNames(c.req.path, await toLite(c)),
  );
  app.post("/storage/v1/bucket", async (c) => toLite(c, withBucketId(await c.req.text())));
  app.all("*", (c) => toLite(c));
  return app;
}
