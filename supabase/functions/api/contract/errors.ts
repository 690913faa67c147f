import { type ErrorCode, statusOf } from "../errors.ts";
import { errorSchema } from "./error-schema.ts";

const meanings: Record<number, string> = {
  400: "The request is malformed, or the account's email address is not verified.",
  401: "The access token is missing, invalid or expired, or the credentials are wrong.",
  403: "The caller may not do this, or a key is missing or invalid.",
  404: "The resource does not exist, or it belongs to somebody else.",
  408: "The request body arrived too slowly.",
  409: "The request conflicts with the current state of the resource.",
  413: "The request body or a file is too large.",
  415: "The media type of the body or of a file is not supported.",
  422: "A field is invalid. `errors` names it.",
  429: "A limit is exceeded. Wait as many seconds as `Retry-After` says.",
  501: "This service does not offer payments.",
  502: "A service behind the API returned an invalid response. Try again later.",
  503: "A service behind the API does not respond. Try again later.",
};

/** The field with an answer's error codes. The OpenAPI document replaces it by an example of each code. */
export const codesField = "x-codes";

/** The error answers of a route, by code. Handlers throw them, so the route's type contains only 2xx answers. */
export function errors(...codes: (ErrorCode | readonly ErrorCode[])[]): object {
  const byStatus = Map.groupBy(new Set(codes.flat()), statusOf);
  const answers = [...byStatus].map(([status, alike]) => [
    status,
    {
      description: meanings[status] ?? "",
      content: { "application/json": { schema: errorSchema } },
      [codesField]: alike,
    },
  ]);
  return Object.fromEntries(answers);
}
