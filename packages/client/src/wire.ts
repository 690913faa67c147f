import type { components, operations } from "./wire.gen.ts";

// Types of the OpenAPI document's operations. Nothing here exists at run time.

type Schemas = components["schemas"];
/** A schema of docs/openapi.json by its name. */
export type Schema<Name extends keyof Schemas> = Schemas[Name];

type Json<T> = T extends { content: { "application/json": infer Body } } ? Body : undefined;
type Success = 200 | 201 | 202 | 204;

/** The body of an operation's success. Undefined when there is none. */
export type Answer<Op> = Op extends { responses: infer Responses }
  ? { [Status in keyof Responses & Success]: Json<Responses[Status]> }[keyof Responses & Success]
  : never;

/** The JSON body of an operation. */
export type Body<Id extends keyof operations> = BodyOf<operations[Id]>;
/** The query of an operation. */
export type Query<Id extends keyof operations> = operations[Id] extends {
  parameters: { query?: infer T };
}
  ? NonNullable<T>
  : never;

type BodyOf<Op> = Op extends { requestBody?: infer T } ? Json<NonNullable<T>> : never;
type ParamsOf<Op> = Op extends { parameters: { path: infer T extends object } }
  ? { params: T }
  : { params?: undefined };
type QueryOf<Op> = Op extends { parameters: { query?: infer T } } ? { query?: T | undefined } : object;
type Sent<Op> = [BodyOf<Op>] extends [never]
  ? { body?: undefined; form?: undefined }
  : { body?: BodyOf<Op> | undefined; form?: FormData | undefined };
type HeadersOf<Op> = Op extends { parameters: { header?: infer T } } ? NonNullable<T> : never;
/** Allowed only where the document has the header, since a server that ignores the key would do the work twice. */
type KeyOf<Op> = [HeadersOf<Op>] extends [never]
  ? { idempotencyKey?: undefined }
  : "Idempotency-Key" extends keyof HeadersOf<Op>
    ? { idempotencyKey?: string | undefined }
    : { idempotencyKey?: undefined };

export type Verb = "get" | "post" | "put" | "patch" | "delete";
/** The parts of a request that a resource passes for the operation. */
export type RequestInit<Op> = ParamsOf<Op> & QueryOf<Op> & Sent<Op> & KeyOf<Op>;
