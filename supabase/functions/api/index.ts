import { createHandler } from "./runtime.ts";

declare const EdgeRuntime: { waitUntil(work: Promise<unknown>): void } | undefined;

const waitUntil = (work: Promise<unknown>) => {
  if (typeof EdgeRuntime !== "undefined") EdgeRuntime.waitUntil(work);
};

export default { fetch: createHandler(Deno.env.toObject(), waitUntil) };
