import { ApiError } from "../errors.ts";
import { steadyBody } from "./steady-body.ts";

/** The limit for most requests, such as a login, a name or a key. */
export const smallBytes = 16 * 1024;
/** The limit for lists of origins and for prompts. */
export const longerBytes = 64 * 1024;

export function isJson(type: string | undefined): boolean {
  return /^\s*application\/([\w.-]+\+)?json\s*(;|$)/i.test(type ?? "");
}

/** @throws ApiError unsupported_media_type for a compressed body */
export function refuseCompressed(headers: Headers): void {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "";
  if (encoding === "" || encoding === "identity") return;
  throw new ApiError("unsupported_media_type", {
    detail: `The body is compressed (${encoding.slice(0, 30)}). Send it without Content-Encoding.`,
  });
}

/** @throws ApiError malformed_json, and the errors of readText */
export async function readJson(request: Request, maxBytes = smallBytes): Promise<unknown> {
  const text = await readText(request, maxBytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError("malformed_json", { cause });
  }
}

/**
 * A body as text, in the charset that it names, else UTF-8.
 * @throws ApiError malformed_json, payload_too_large, body_timeout, unsupported_media_type
 */
export async function readText(request: Request, maxBytes = smallBytes): Promise<string> {
  refuseCompressed(request.headers);
  const tooLarge = () =>
    new ApiError("payload_too_large", {
      detail: `The body is too large. It may have at most ${Math.round(maxBytes / 1024)} kB.`,
    });
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  const decoder = decoderFor(request.headers.get("content-type") ?? "");
  let text = "";
  let size = 0;
  try {
    for await (const chunk of steadyBody(request)) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge();
      text += decoder.decode(chunk, { stream: true });
    }
    return text + decoder.decode();
  } catch (cause) {
    throw cause instanceof ApiError ? cause : new ApiError("malformed_json", { cause });
  }
}

function decoderFor(type: string): TextDecoder {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]{1,40})/i.exec(type.slice(0, 1_000))?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { fatal: true });
  } catch {
    throw new ApiError("unsupported_media_type", {
      detail: "The charset of the Content-Type is not known. Send UTF-8.",
    });
  }
}
