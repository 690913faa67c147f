import { ApiError } from "../../supabase/functions/api/errors.ts";
import {
  type GenerationRequest,
  withGenerationRequest,
} from "../../supabase/functions/api/resources/generations/input/generation-request.ts";
import { png } from "./images.ts";

export type Part = [name: string, value: string | Uint8Array, filename?: string];

export function formRequest(...parts: Part[]): Request {
  const body = new FormData();
  for (const [name, value, filename = "photo.png"] of parts) {
    if (typeof value === "string") body.append(name, value);
    else body.append(name, new Blob([value as BlobPart], { type: "image/png" }), filename);
  }
  return new Request("http://api/", { method: "POST", body });
}

export async function refusalOf(work: () => Promise<unknown>): Promise<ApiError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error("the request was accepted");
}

export const readForm = (request: Request) =>
  withGenerationRequest(request, "client", async (found): Promise<GenerationRequest> => found);
export const joinBytes = (body: Iterable<Uint8Array> | undefined) =>
  new Uint8Array(Buffer.concat([...(body ?? [])]));

/** A raw multipart body, which FormData would not produce. */
export function rawRequest(
  body: string | Uint8Array,
  type = "multipart/form-data; boundary=x",
  more = {},
): Request {
  const headers = { "content-type": type, ...more };
  return new Request("http://api/", { method: "POST", headers, body: body as BodyInit });
}
export const rawPart = (disposition: string, content: string, more = "") =>
  `--x\r\nContent-Disposition: form-data; ${disposition}\r\n${more}\r\n${content}\r\n`;
export const latin1Of = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
export const rawForm = (...parts: string[]) => Buffer.from(`${parts.join("")}--x--\r\n`, "latin1");
export const rawWords = rawPart('name="instructions"', "A watercolour");
export const rawPhoto = rawPart(
  'name="files"; filename="a.png"',
  latin1Of(png()),
  "Content-Type: image/png\r\n",
);

export const photoPart: Part = ["files", png()];
export const wordsPart: Part = ["instructions", "A watercolour"];
