type Bytes = ArrayBuffer | ArrayBufferView;
type Content = Blob | Bytes | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array> | Response;
/** A picture to send, as bytes in any form of the platform. Its type is detected from the content. */
export type ImageFile = Content | { data: Content; name?: string; type?: string };
/** Several pictures, or one: an array, the FileList of an input, a Set. */
export type ImageFiles = ImageFile | ArrayLike<ImageFile> | Iterable<ImageFile>;

/** The API refuses larger pictures, so a stream is read only up to this size. */
const longestBytes = 10 * 1024 * 1024;

/** The pictures as blobs with names and types. @throws TypeError for anything else, before anything is sent */
export async function toFiles(
  files: ImageFiles | null | undefined,
  signal?: AbortSignal,
): Promise<{ blob: Blob; name: string }[]> {
  const list = listOf(files);
  list.forEach(assertFile);
  const blobs = [];
  for (const [index, file] of list.entries()) {
    signal?.throwIfAborted();
    const name = nameOf(file);
    blobs.push({ blob: await toBlob(file, index, signal), name: name || `image-${index}` });
  }
  return blobs;
}

/** A multipart body: the fields as one JSON text, then the files. */
export function filesForm(fields: object, files: { blob: Blob; name: string }[]): FormData {
  const form = new FormData();
  form.set("instructions", JSON.stringify(fields));
  for (const { blob, name } of files) form.append("files", blob, name);
  return form;
}

/** A blob with the type of its content, else with the declared type. */
export async function toBlob(file: ImageFile, index = 0, signal?: AbortSignal): Promise<Blob> {
  const isWrapped = kindOf(file) === "wrapped";
  const content = isWrapped ? (file as { data: Content }).data : (file as Content);
  const blob = await read(content, index, signal);
  const told = (isWrapped && (file as { type?: string }).type) || blob.type;
  const type = typeOf(new Uint8Array(await blob.slice(0, 12).arrayBuffer())) || told;
  return type === blob.type ? blob : blob.slice(0, blob.size, type);
}

function listOf(files: ImageFiles | null | undefined): ImageFile[] {
  if (files === null || files === undefined) return [];
  if (typeof files === "string" || kindOf(files) !== null) return [files as ImageFile];
  if (typeof files === "object" && (Symbol.iterator in files || typeof lengthOf(files) === "number"))
    return Array.from(files as ArrayLike<ImageFile>);
  return [files as ImageFile];
}

const lengthOf = (value: object) => (value as { length?: unknown }).length;
const nameOf = (file: ImageFile) => {
  const { name } = file as { name?: unknown };
  return typeof name === "string" ? name : "";
};

type Kind = "buffer" | "view" | "blob" | "response" | "stream" | "wrapped";
type Shape = Partial<Record<"arrayBuffer" | "getReader" | "headers" | "size" | "data", unknown>>;

/** The kind of a value by its methods, not by its class, since other realms, polyfills and test environments have other classes. */
function kindOf(value: unknown): Kind | null {
  if (ArrayBuffer.isView(value)) return "view";
  if (typeof value !== "object" || value === null) return null;
  if (/^\[object (Shared)?ArrayBuffer\]$/.test(Object.prototype.toString.call(value))) return "buffer";
  const { arrayBuffer, getReader, headers, size, data }: Shape = value;
  if (typeof arrayBuffer === "function" && typeof headers === "object") return "response";
  if (typeof arrayBuffer === "function" && typeof size === "number") return "blob";
  if (typeof getReader === "function" || Symbol.asyncIterator in value) return "stream";
  return data !== undefined && data !== value ? "wrapped" : null;
}

function assertFile(file: unknown, index: number): void {
  const kind = kindOf(file);
  const content = kind === "wrapped" ? (file as { data: unknown }).data : file;
  const place = kind === "wrapped" ? `files[${index}].data` : `files[${index}]`;
  const inner = kindOf(content);
  if (inner === "response") assertResponse(content as Response, place);
  if (inner !== null && inner !== "wrapped") return;
  const advice =
    typeof content === "string"
      ? "Read the file first, for example with readFile, or pass `await fetch(address)`."
      : "Pass a Blob, a File, bytes, a stream, a Response, or { data, name, type }.";
  throw new TypeError(`${place} is ${describe(content)}, not a picture. ${advice}`);
}

function assertResponse({ ok, status, bodyUsed }: Response, place: string): void {
  if (!ok) throw new TypeError(`${place} is a Response with status ${status}, not a picture.`);
  if (bodyUsed) throw new TypeError(`${place} is a Response whose body was read before.`);
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return `${/^[aeiou]/.test(typeof value) ? "an" : "a"} ${typeof value}`;
}

async function read(content: Content, index: number, signal: AbortSignal | undefined): Promise<Blob> {
  switch (kindOf(content)) {
    case "view": {
      const { buffer, byteOffset, byteLength } = content as ArrayBufferView;
      return new Blob([own(new Uint8Array(buffer, byteOffset, byteLength))]);
    }
    case "buffer":
      return new Blob([own(new Uint8Array(content as ArrayBuffer))]);
    case "blob": {
      const blob = content as unknown as Blob;
      return blob instanceof Blob ? blob : copyOf(blob);
    }
    case "response": {
      const { body } = content as Response;
      return body === null ? new Blob([]) : new Blob(await chunksOf(body, index, signal));
    }
    default:
      return new Blob(await chunksOf(content as ReadableStream<Uint8Array>, index, signal));
  }
}

/** Copies a Blob of another class into the platform's own Blob. */
const copyOf = async (blob: Pick<Blob, "arrayBuffer" | "type">) =>
  new Blob([await blob.arrayBuffer()], { type: String(blob.type ?? "") });

/** Copies shared memory, which a Blob does not accept. */
function own(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

/** @throws RangeError as soon as the stream is larger than the largest picture of the API */
async function chunksOf(
  stream: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
  index: number,
  signal: AbortSignal | undefined,
): Promise<BlobPart[]> {
  const chunks: BlobPart[] = [];
  let size = 0;
  for await (const chunk of "getReader" in stream ? chunksFrom(stream) : stream) {
    signal?.throwIfAborted();
    if (!ArrayBuffer.isView(chunk))
      throw new TypeError(`files[${index}] is a stream of ${typeof chunk}, not of bytes.`);
    size += chunk.byteLength;
    if (size > longestBytes)
      throw new RangeError(`files[${index}] is larger than ${longestBytes} bytes, which no picture may be.`);
    chunks.push(own(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
  }
  return chunks;
}

/** Reads a stream by its reader, since Safari's streams are not iterable. */
async function* chunksFrom(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The type of the content. Empty for a type that the API refuses. */
function typeOf(head: Uint8Array): string {
  const text = String.fromCharCode(...head);
  if (text.startsWith("\x89PNG")) return "image/png";
  if (text.startsWith("\xff\xd8\xff")) return "image/jpeg";
  return text.startsWith("RIFF") && (head.length < 12 || text.endsWith("WEBP")) ? "image/webp" : "";
}
