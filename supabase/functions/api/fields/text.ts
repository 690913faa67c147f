import { z } from "@hono/zod-openapi";
import { predicates } from "../predicates.ts";
import { toUuid } from "../uuid.ts";

type Rules = {
  min?: number;
  max: number;
  /** Normalizes the text. It gets only text of bounded length. */
  clean?: (text: string) => string;
  /** Checks the normalized text. @returns the problem, or undefined */
  check?: (text: string) => string | undefined;
};

/** Normalizing may shorten a text: surrounding spaces, CRLF, and letters of several code points. */
const rawLength = (max: number) => 4 * max + 64;

/**
 * Text of a caller. Its length is checked before anything else, so that the work of a request is bounded. Then the text is
 * normalized and counted in characters as Postgres counts them.
 */
export function text(rules: Rules) {
  const { min = 0, max } = rules;
  const schema = z.string().check((payload) => {
    const { kept, issue } = judge(payload.value, { ...rules, min });
    if (issue === undefined) payload.value = kept;
    else payload.issues.push({ ...issue, input: payload.value, path: [] });
  });
  return schema.openapi({ ...(min > 0 && { minLength: min }), maxLength: max });
}

const custom = (message: string) => ({ code: "custom" as const, message });
const tooBig = (maximum: number) => ({
  code: "too_big" as const,
  origin: "string",
  maximum,
  message: `may have at most ${maximum} characters`,
});
const tooSmall = (minimum: number) => ({
  code: "too_small" as const,
  origin: "string",
  minimum,
  message: `must have at least ${minimum} characters`,
});
type Found = ReturnType<typeof custom> | ReturnType<typeof tooBig> | ReturnType<typeof tooSmall>;

function judge(
  raw: string,
  { min, max, clean, check }: Rules & { min: number },
): { kept: string; issue?: Found } {
  const refused = (issue: Found) => ({ kept: "", issue });
  if (raw.length > rawLength(max)) return refused(tooBig(max));
  if (raw.includes("\u0000") || !raw.isWellFormed()) return refused(custom(predicates.storable));
  const kept = clean?.(raw) ?? raw;
  const length = lengthOf(kept);
  if (length > max) return refused(tooBig(max));
  if (length < min) return refused(tooSmall(min));
  const problem = kept === "" ? undefined : check?.(kept);
  return problem === undefined ? { kept } : refused(custom(problem));
}

/** The number of characters as Postgres and JSON Schema count them. A surrogate pair is one character. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Control characters, line breaks and characters that change the text direction. Joiners are allowed: emoji and scripts need them. */
const invisible = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** Whether a line contains one of these characters. */
export const hasInvisible = (line: string) => invisible.test(line);
const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** A name: one trimmed line in NFC with at least one visible character. */
export const oneLine = ({ min = 0, max, check }: Omit<Rules, "clean">) =>
  text({
    min,
    max,
    clean: (raw) => raw.trim().normalize("NFC"),
    check: (name) => {
      if (hasInvisible(name)) return predicates.one_line;
      return visible.test(name) ? check?.(name) : predicates.not_empty;
    },
  });

/** Text of several lines. All line breaks become LF. */
export const paragraph = ({ min = 0, max }: Pick<Rules, "min" | "max">) =>
  text({ min, max, clean: (raw) => raw.replace(/\r\n?/g, "\n").trim() });

/** An optional field: an empty text becomes null. */
export const emptyIsNull = (schema: z.ZodType<string>) =>
  schema
    .nullish()
    .transform((sent) => (sent === "" ? null : sent))
    .openapi({ type: ["string", "null"] });

/** A list. Its entries are counted before any is parsed. */
export const listOf = <Item extends z.ZodType>(item: Item, max: number) =>
  z.preprocess((sent, { issues }) => {
    if (!Array.isArray(sent) || sent.length <= max) return sent;
    issues.push({ code: "too_big", origin: "array", maximum: max, input: sent, path: [] });
    return z.NEVER;
  }, z.array(item).max(max));

/** The examples of the whole document use the same ids. */
const ids = {
  developer: "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
  project: "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
  user: "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
  session: "2a8d6f4c-5b71-4e93-a0c4-7f1e3d5b9c04",
  key: "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
  new_key: "8d5f7b3e-2a94-4c16-b8e7-1c3d5f7a9b06",
  generation: "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
  webhook: "7a4c2e6b-9d18-4f35-8c0a-6b2d4f8e1a10",
  delivery: "3e9b5d7f-1c62-4a08-b7d4-8f0a2c6e4b11",
  upload: "5c7e9a1b-6f03-4d48-9b2a-0d4f6e8c2a08",
  request: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
};
type Thing = keyof typeof ids;

export const uuid = (of: Thing, description: string) =>
  z
    .string()
    .check((payload) => {
      const id = toUuid(payload.value);
      if (id === undefined)
        payload.issues.push({
          code: "invalid_format",
          format: "uuid",
          input: payload.value,
          path: [],
        });
      else payload.value = id;
    })
    .openapi({ format: "uuid", example: ids[of], description });

/** The id of a path, such as `{ project_id }`. */
export const pathId = <Name extends string>(name: Name, of: Thing, description: string) =>
  z.object({ [name]: uuid(of, description).openapi({ param: { name, in: "path" } }) } as {
    [key in Name]: ReturnType<typeof uuid>;
  });

/** An instant in RFC 3339, UTC, with six digits, as in every answer. With null it is in no example. */
export const timestamp = (description: string, example: string | null = "2026-11-24T09:00:00.123456Z") =>
  z.string().openapi({ format: "date-time", description, ...(example !== null && { example }) });
