import { OpenAPIHono } from "@hono/zod-openapi";
import { canonicalPath } from "./canonical-path.ts";
import type { AppEnv } from "./context.ts";
import { invalidFields } from "./errors.ts";
import { toFieldErrors } from "./field-errors.ts";

/** An app whose paths are canonical and whose failed validations become a 422 of ours. */
export function createRouter(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    getPath: (request) => canonicalPath(pathOf(request.url)),
    defaultHook: (result) => {
      if (result.success) return;
      const source = {
        json: "body",
        form: "body",
        query: "query",
        param: "path",
        header: "header",
        cookie: "cookie",
      }[result.target];
      throw invalidFields(
        toFieldErrors(result.error.issues, source ?? result.target, (result as { data?: unknown }).data),
      );
    },
  });
}

/** What a parser would leave as it is needs none, and it takes several times as long. */
const plainUrl = /^https?:\/\/[^/?#\\]+(\/[\w/-]*)(?:\?|$)/;

/** Longer than any address of ours with its query. */
export const maxAddressLength = 8_192;

function pathOf(url: string): string {
  // Nothing is served there, whatever else is in it.
  if (url.length > maxAddressLength) return "/address-too-long";
  return plainUrl.exec(url)?.[1] ?? new URL(url).pathname;
}
