import type { Operation } from "./document.ts";

/** An operation's example request: the path with its parameters, and the body if there is one. */
export function exampleRequest({ path, parameters, requestBody }: Operation): {
  path: string;
  json?: unknown;
} {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) =>
    String(parameters.find((parameter) => parameter.name === name)?.schema.example),
  );
  const needed = parameters
    .filter((parameter) => parameter.in === "query" && parameter.required)
    .map(({ name, schema }) => [name, String(schema.example)] as [string, string]);
  const query = needed.length === 0 ? "" : `?${new URLSearchParams(needed)}`;
  const json = requestBody?.content["application/json"]?.example;
  return { path: filled + query, ...(json !== undefined && { json }) };
}
