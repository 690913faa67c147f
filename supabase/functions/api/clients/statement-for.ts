import type { Json } from "./connections.ts";

/** The call and, in the same round trip, its limit: counted by Postgres or only announced. */
export function statementFor(name: string, args: readonly Json[], isCounted: boolean): string {
  const call = `select private.${name}(${args.map((_, index) => `$${index + 1}`).join(", ")}) as result`;
  const announced = "current_setting('app.limit', true)";
  const limit = isCounted
    ? `case when ${announced} <> '' then private.count_request(${announced}) end`
    : `nullif(${announced}, '')`;
  return `select result, ${limit} as rate_limit from (${call}) as call`;
}
