import { z } from "@hono/zod-openapi";

/** Text that Postgres can store: no NUL and no half of a surrogate pair. */
export function storableText() {
  return z
    .string()
    .refine(
      (text) => !text.includes("\u0000") && text.isWellFormed(),
      "contains a character that cannot be stored",
    );
}

/** One story goes through the examples of the whole document. */
const ids = {
  developer: "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
  project: "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
  user: "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
  session: "2a8d6f4c-5b71-4e93-a0c4-7f1e3d5b9c04",
  key: "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
  new_key: "8d5f7b3e-2a94-4c16-b8e7-1c3d5f7a9b06",
  generation: "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
  upload: "5c7e9a1b-6f03-4d48-9b2a-0d4f6e8c2a08",
  request: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
};
type Thing = keyof typeof ids;

export const uuid = (of: Thing, description: string) =>
  z.uuid().openapi({ format: "uuid", example: ids[of], description });

/** The id of a path, such as `{ project_id }`. */
export const pathId = <Name extends string>(name: Name, of: Thing, description: string) =>
  z.object({ [name]: uuid(of, description).openapi({ param: { name, in: "path" } }) } as {
    [key in Name]: ReturnType<typeof uuid>;
  });

/** As Postgres writes it: RFC 3339 in UTC, to the microsecond. With null it is in no example. */
export const timestamp = (description: string, example: string | null = "2026-11-24T09:00:00.123456+00:00") =>
  z.string().openapi({ format: "date-time", description, ...(example !== null && { example }) });
