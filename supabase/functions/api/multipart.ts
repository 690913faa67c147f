import { Busboy } from "@fastify/busboy";
import { withDelimiterSearch } from "./delimiter-search.ts";
import { ApiError } from "./errors.ts";

type MultipartSink = {
  /** Whether a part without a file name is a file. */
  isFile: (name: string) => boolean;
  field: (name: string, value: string) => void;
  /** Called at the start of a file. The result gets the bytes. */
  file: (name: string, filename: string) => { add: (chunk: Uint8Array) => void; end: () => void };
  /** Called after each write; the next bytes are read when it resolves. */
  written?: () => Promise<void>;
};
type Limits = { parts: number; fieldBytes: number; totalBytes: number };

const writeBytes = 16 * 1024;
const headerBytes = 8 * 1024;

export const isMultipart = (type: string) => /^\s*multipart\/form-data\s*(;|$)/i.test(type);

/**
 * The boundary of a form. RFC 2046 allows 1 to 70 characters without line breaks. So no part of a delimiter can begin within
 * another, and a search reads each byte at most twice. @throws ApiError malformed_body
 */
function boundaryOf(type: string): string {
  const [, quoted, plain] =
    /;\s*boundary\s*=\s*(?:"([^"]{0,200})"|([^\s;"]{1,200}))/i.exec(type.slice(0, 1_000)) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) {
    throw new ApiError("malformed_body", {
      detail: "The Content-Type of the form names no boundary. Let your HTTP client set this header itself.",
    });
  }
  if (!/^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary)) {
    throw new ApiError("malformed_body", {
      detail: "The boundary of a form has 1 to 70 letters, digits or characters of '()+_,-./:=?",
    });
  }
  return boundary;
}

/**
 * Reads a multipart/form-data body as it arrives.
 * @throws ApiError malformed_body, payload_too_large, and whatever `sink` or the body throws
 */
export async function readMultipart(
  type: string,
  body: AsyncIterable<Uint8Array>,
  limits: Limits,
  sink: MultipartSink,
): Promise<void> {
  const boundary = boundaryOf(type);
  const withSearch = withDelimiterSearch(boundary);
  const parser = new Busboy({
    // The header is built again, so that the parser reads the same boundary that was checked.
    headers: { "content-type": `multipart/form-data; boundary="${boundary}"` },
    isPartAFile: (name, _type, filename) => filename !== undefined || sink.isFile(name ?? ""),
    preservePath: true,
    limits: { parts: limits.parts, fieldSize: limits.fieldBytes, headerPairs: 20, headerSize: headerBytes },
  });
  let failure: { cause: unknown } | undefined;
  let isOver = false;
  let total = 0;
  const over = new Promise<void>((resolve) => {
    const stop = (cause?: unknown) => {
      if (cause !== undefined) failure ??= { cause };
      isOver = true;
      resolve();
    };
    const guard = <T>(work: () => T): T | undefined => {
      if (failure !== undefined) return undefined;
      try {
        return work();
      } catch (cause) {
        stop(cause);
        return undefined;
      }
    };
    parser.on("finish", () => stop());
    parser.on("error", (error) => stop(new ApiError("malformed_body", { cause: error })));
    parser.on("partsLimit", () =>
      stop(new ApiError("malformed_body", { detail: "The form has too many parts." })),
    );
    parser.on("field", (name, value, _nameCut, isCut) =>
      guard(() => {
        if (isCut) throw new ApiError("payload_too_large", { detail: "A field of the form is too long." });
        sink.field(name ?? "", readableText(value));
      }),
    );
    parser.on("file", (name, stream, filename) => {
      const file = guard(() => sink.file(name ?? "", filename ?? ""));
      // The parser itself reports a form that ends early.
      stream.on("error", () => {});
      stream.on("data", (chunk: Uint8Array) => guard(() => file?.add(chunk)));
      stream.on("end", () => guard(() => file?.end()));
    });
  });
  const check = () => {
    if (failure !== undefined) throw failure.cause;
  };
  try {
    for await (const chunk of inLargerPieces(body)) {
      total += chunk.length;
      if (total > limits.totalBytes) throw new ApiError("payload_too_large");
      await Promise.race([new Promise((resolve) => parser.write(withSearch(chunk), resolve)), over]);
      check();
      await sink.written?.();
      // Bytes after the last delimiter are ignored.
      if (isOver) return;
    }
    parser.end();
    await over;
    check();
  } finally {
    parser.destroy();
  }
}

/** Joins small chunks, since the parser's cost is per chunk. Large ones are not copied. */
async function* inLargerPieces(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held = new Uint8Array(0);
  let size = 0;
  for await (const chunk of body) {
    let rest = chunk;
    if (size > 0) {
      const part = chunk.subarray(0, writeBytes - size);
      held.set(part, size);
      size += part.length;
      if (size < writeBytes) continue;
      yield held;
      size = 0;
      rest = chunk.subarray(part.length);
    }
    if (rest.length >= writeBytes) yield rest;
    else if (rest.length > 0) {
      held = new Uint8Array(writeBytes);
      held.set(rest);
      size = rest.length;
    }
  }
  if (size > 0) yield held.subarray(0, size);
}

/** The parser writes this character for bytes that are invalid in the part's charset. */
function readableText(value: string): string {
  if (!value.includes("\ufffd")) return value;
  throw new ApiError("malformed_body", { detail: "A field of the form is not text in UTF-8." });
}
