import { createClient } from "@supabase/supabase-js";
import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";

export type Bucket = "uploads" | "generations";
export type StoredFile = {
  path: string;
  content_type: string;
  bytes: number;
  width: number;
  height: number;
  sha256?: string;
};

/** Supabase Storage with the secret key; both buckets are private. */
export type StorageClient = {
  /** Writes or replaces an object. */
  upload(
    bucket: Bucket,
    path: string,
    body: Uint8Array | Iterable<Uint8Array>,
    contentType: string,
  ): Promise<void>;
  download(bucket: Bucket, path: string): Promise<Uint8Array>;
  /** A URL that a browser can open without a header for `seconds`. With a name the browser saves the file instead of showing it. */
  signedUrl(bucket: Bucket, path: string, seconds: number, download?: string): Promise<string>;
  /** A URL for one upload of a new object within two hours. */
  signedUploadUrl(bucket: Bucket, path: string): Promise<string>;
  /** An object as a stream, with its whole size. The reader may cancel the rest. */
  open(bucket: Bucket, path: string): Promise<{ body: ReadableStream<Uint8Array>; bytes: number }>;
  remove(bucket: Bucket, paths: string[]): Promise<void>;
  /** Resolves when both buckets exist. */
  check(deadlineMs: number): Promise<void>;
};

/** The seconds of `max-age`. It is private, since a shared cache would keep the object longer than its URL is valid. */
const cacheControl = "3600, private";
const timeoutMs = 15_000;
/** The timeout for a URL, since a caller waits for it. A picture may take longer. */
const quickTimeoutMs = 5_000;

export function createStorageClient(env: Env, fetcher: typeof fetch = fetch): StorageClient {
  const timed =
    (ms: number): typeof fetch =>
    (input, init) =>
      fetcher(input, { ...init, signal: AbortSignal.timeout(ms) });
  const storage = (ms: number) =>
    createClient(env.supabase_url, env.secret_key, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      global: { fetch: timed(ms) },
    }).storage;
  const usual = storage(timeoutMs);
  const quick = storage(quickTimeoutMs);
  // On hosted Supabase the public URL ends with /functions/v1. Storage has the same host.
  const publicBase = env.public_url.replace(/\/functions\/v1$/, "");

  return {
    async upload(bucket, path, body, contentType) {
      const send = () =>
        usual.from(bucket).upload(path, streamOf(body), { contentType, cacheControl, upsert: true });
      let { error } = await send();
      // There was no answer, perhaps because an idle connection was closed. Writing the same object again does no harm.
      if (error && (error as { status?: number }).status === undefined) ({ error } = await send());
      if (error) throw failure(error);
    },
    async download(bucket, path) {
      const { data, error } = await usual.from(bucket).download(path);
      if (error) throw failure(error);
      return new Uint8Array(await data.arrayBuffer());
    },
    async signedUrl(bucket, path, seconds, download) {
      const options = download === undefined ? {} : { download };
      const { data, error } = await quick.from(bucket).createSignedUrl(path, seconds, options);
      if (error) throw failure(error);
      return data.signedUrl.replace(env.supabase_url, publicBase);
    },
    async signedUploadUrl(bucket, path) {
      const { data, error } = await quick.from(bucket).createSignedUploadUrl(path);
      if (error) throw failure(error);
      return data.signedUrl.replace(env.supabase_url, publicBase);
    },
    async open(bucket, path) {
      const { data, error } = await usual.from(bucket).createSignedUrl(path, 60);
      if (error) throw failure(error);
      const response = await timed(timeoutMs)(data.signedUrl);
      const bytes = Number(response.headers.get("content-length") ?? Number.NaN);
      if (!response.ok || response.body === null || Number.isNaN(bytes)) {
        await response.body?.cancel();
        throw new ApiError(response.ok || response.status >= 500 ? "storage_unavailable" : "image_not_found");
      }
      return { body: response.body, bytes };
    },
    async remove(bucket, paths) {
      if (paths.length === 0) return;
      const { error } = await usual.from(bucket).remove(paths);
      if (error) throw failure(error);
    },
    async check(deadlineMs) {
      const { data, error } = await storage(deadlineMs).listBuckets();
      if (error) throw failure(error);
      const names = data.map((bucket) => bucket.id);
      const missing = (["uploads", "generations"] satisfies Bucket[]).filter(
        (bucket) => !names.includes(bucket),
      );
      if (missing.length > 0)
        throw new ApiError("storage_error", { cause: new Error(`missing buckets: ${missing.join(", ")}`) });
    },
  };
}

const pieceBytes = 64 * 1024;

/** Sends the body in chunks. As a whole, fetch would copy it, and several large pictures would exceed the isolate's memory. */
function streamOf(body: Uint8Array | Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  const pieces = (body instanceof Uint8Array ? cut(body) : body)[Symbol.iterator]();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  });
}

function* cut(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.byteLength; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
}

function failure(error: Error & { status?: number | undefined }): ApiError {
  if (error.status === 404 || error.message === "Object not found")
    return new ApiError("image_not_found", { cause: error });
  const answered = error.status !== undefined && error.status < 500;
  return new ApiError(answered ? "storage_error" : "storage_unavailable", { cause: error });
}
