import { createHandler, type Handler } from "./handler.ts";
import { readRest } from "./read-rest.ts";

declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

const waitUntil = (work: Promise<unknown>) => {
  if (typeof EdgeRuntime !== "undefined") EdgeRuntime.waitUntil(work);
};

const handler = createHandler(Deno.env.toObject(), waitUntil);
const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
/**
 * Deno 2.1 loses the answer to a request whose body was not read completely; 2.9 does not. Versions between are untested
 * and count as 2.1.
 */
const losesAnswers = major === 2 && minor < 9;

const readingAll: Handler = async (request, info) => {
  const answer = await handler(request, info);
  await readRest(request);
  return answer;
};

export default { fetch: losesAnswers ? readingAll : handler };
