import { type ErrorCode, statusOf } from "../errors.ts";
import { errorSchema } from "./error-schema.ts";

const meanings: Record<number, string> = {
  400: "The request is malformed, or the account is not activated.",
  401: "Not authenticated.",
  403: "Not allowed, or a key is missing or not valid.",
  404: "Not found; also what belongs to somebody else.",
  408: "The body came too slowly.",
  409: "Conflicts with what is there.",
  413: "Too large.",
  415: "Unsupported content.",
  422: "A field is not valid.",
  429: "Over a limit.",
  501: "Not offered.",
  502: "A service behind the API gave an unusable answer.",
  503: "A service behind the API does not answer.",
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
