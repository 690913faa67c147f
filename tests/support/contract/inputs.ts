import { expandSchema, type Operation, type Schema } from "./document.ts";

/** Every shape that a schema allows. */
export const shapesOf = (schema: Schema): Schema[] => {
  const { anyOf = [], oneOf = [], ...own } = expandSchema(schema, false);
  return [own, ...[...anyOf, ...oneOf].flatMap(shapesOf)];
};

/** The names of an object's fields, in all of its shapes. */
export const fieldsOf = (schema: Schema): string[] => [
  ...new Set(shapesOf(schema).flatMap(({ properties = {} }) => Object.keys(properties))),
];

/** All inputs of a request: parameters, headers and fields. */
export const inputNames = ({ parameters, requestBody }: Operation): string[] => [
  ...parameters.map(({ name }) => name),
  ...Object.values(requestBody?.content ?? {}).flatMap(({ schema }) => fieldsOf(schema)),
];
