import { OpenAPIHono } from "@hono/zod-openapi";
import { canonicalPath } from "./canonical-path.ts";
import type { AppEnv } from "./context.ts";
import { invalidFields } from "./errors.ts";
import { toFieldErrors } from "./field-errors.ts";

/** An app with canonical paths, whose failed validations become the API's 422. */
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

/** Plain URLs skip the URL parser, which takes several times as long. */
const plainUrl = /^https?:\/\/[^/?#\\]+(\/[\w/-]*)(?:\?|$)/;

/** No URL of the API is longer. */
export const maxAddressLength = 8_192;

function pathOf(url: string): string {
  // No route has this path.
  if (url.length > maxAddressLength) return "/address-too-long";
  return plainUrl.exec(url)?.[1] ?? new URL(url).pathname;
}
