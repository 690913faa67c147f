import { createClient } from "../../packages/client/src/index.ts";
import { List } from "../../packages/client/src/list.ts";
import { resolveIn, type Schema } from "../openapi/openapi-examples.ts";

type Operation = { operationId: string; ids: string[]; body: Schema | undefined };

/** For these operations the SDK takes the body from its session. */
const ofSession = ["auth.refresh"];

const offline = createClient({
  url: "http://127.0.0.1",
  maxRetries: 0,
  fetch: () => Promise.reject(new Error("nothing is sent")),
});

/** The call of the SDK for an operation. Undefined if the SDK has none. */
function sdkSample({ operationId, ids, body }: Operation): string | undefined {
  const [noun = "", verb = ""] = operationId.split(".");
  const resource = Reflect.get(offline, noun) as Record<string, (...args: unknown[]) => unknown> | undefined;
  if (resource?.[verb] === undefined) return undefined;
  // The SDK's result shows whether it is a list.
  const result = resource[verb](...ids, {});
  Promise.resolve(result).catch(() => {});
  const args = [...ids, ...(body === undefined || ofSession.includes(operationId) ? [] : [body])];
  const call = `client.${operationId}(${args.map(literal).join(", ")})`;
  return [
    'import { createClient } from "@devkit4ai/client";',
    "",
    "const client = createClient();",
    result instanceof List
      ? `for await (const item of ${call}) console.log(item);`
      : `const answer = await ${call};`,
  ].join("\n");
}

const literal = (value: unknown) =>
  JSON.stringify(value, null, 2).replace(/^(\s*)"([A-Za-z_]\w*)":/gm, "$1$2:");

/** The required fields of an example. If no field is required, all of them. */
function neededOf(schema: Schema, example: Schema): Schema {
  const required: string[] = schema.required ?? schema.anyOf?.[0]?.required ?? [];
  const needed = Object.entries(example).filter(([name]) => required.includes(name));
  return Object.fromEntries(needed.length > 0 ? needed : Object.entries(example));
}

/** The document for the reference. Each operation has a sample of the SDK. Example requests omit optional parameters. */
export function documentOfReference(document: Schema): Schema {
  const shown = structuredClone(document);
  for (const methods of Object.values<Schema>(shown.paths)) {
    for (const operation of Object.values<Schema>(methods)) {
      const parameters: Schema[] = operation.parameters ?? [];
      for (const parameter of parameters) leaveOut(parameter);
      const ids = parameters.filter((one) => one.in === "path").map(({ schema }) => schema.example);
      const json = operation.requestBody?.content["application/json"];
      const body = json && neededOf(resolveIn(shown)(json.schema), json.example);
      const source = sdkSample({ operationId: operation.operationId, ids, body });
      if (source !== undefined) operation["x-codeSamples"] = [{ lang: "typescript", label: "SDK", source }];
    }
  }
  return shown;
}

function leaveOut(parameter: Schema): void {
  if (parameter.required || parameter.in === "path") return;
  const { example, ...schema } = parameter.schema;
  const value = parameter.example ?? example ?? schema.default;
  delete parameter.example;
  parameter.schema = schema;
  parameter.examples = { example: { value, "x-disabled": true } };
}
