import { createHash, randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { copyFile, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";

type Body = WebStream | ReadableStream | Uint8Array;

const lengthBytes = 4;

/**
 * Stores each object in a file: the length of a header, the header as JSON, the content. File names are hashes, so no key
 * leads outside the folder.
 */
export class FileStorage {
  readonly driver = null;
  readonly #folder: string;
  readonly #max_bytes: number;

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#max_bytes = maxBytes;
  }

  uploadObject(
    bucket: string,
    key: string,
    _version: unknown,
    body: Body,
    mimetype: string,
    cacheControl: string,
  ) {
    const head = Buffer.from(JSON.stringify({ mimetype, cacheControl }));
    const length = Buffer.alloc(lengthBytes);
    length.writeUInt32BE(head.length);
    const max_bytes = this.#max_bytes;
    let size = 0;
    const measure = new Transform({
      transform(chunk: Uint8Array, _encoding, done) {
        size += chunk.byteLength;
        done(size > max_bytes ? new Error("The object exceeded the maximum allowed size") : null, chunk);
      },
    });
    const source = body instanceof Uint8Array ? Readable.from([body]) : Readable.fromWeb(body as WebStream);
    return this.#replace(bucket, key, async (draft) => {
      const file = createWriteStream(draft, { flags: "wx", mode: 0o600 });
      file.write(Buffer.concat([length, head]));
      await pipeline(source, measure, file);
    });
  }

  async getObject(bucket: string, key: string) {
    const found = await openObject(this.#path(bucket, key));
    if (found === undefined) return { metadata: missing, httpStatusCode: 404 };
    const { file, start, metadata } = found;
    const body = Readable.toWeb(file.createReadStream({ start })) as ReadableStream;
    return { metadata, httpStatusCode: 200, body };
  }

  async headObject(bucket: string, key: string) {
    return readMetadata(this.#path(bucket, key));
  }

  copyObject(bucket: string, key: string, _version: unknown, toBucket: string, toKey: string) {
    return this.#replace(toBucket, toKey, (draft) => copyFile(this.#path(bucket, key), draft));
  }

  async deleteObject(bucket: string, key: string): Promise<void> {
    await rm(this.#path(bucket, key), { force: true });
  }

  async deleteObjects(bucket: string, keys: string[]): Promise<void> {
    for (const key of keys) await this.deleteObject(bucket, key);
  }

  async privateAssetUrl(): Promise<string> {
    throw new Error("Objects of the embedded stack have no address of their own");
  }

  #path(bucket: string, key: string): string {
    return join(this.#folder, hashed(bucket).slice(0, 16), hashed(key));
  }

  /** Replaces an object by a rename, so that a reader gets either the old or the new file. */
  async #replace(bucket: string, key: string, write: (draft: string) => Promise<void>) {
    const path = this.#path(bucket, key);
    const draft = `${path}.${randomBytes(6).toString("hex")}`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await write(draft);
      const metadata = await readMetadata(draft);
      await rename(draft, path);
      return metadata;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }
}

async function openObject(path: string) {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (file === undefined) return undefined;
  const { buffer } = await file.read(Buffer.alloc(lengthBytes), 0, lengthBytes, 0);
  const length = buffer.readUInt32BE();
  const head = await file.read(Buffer.alloc(length), 0, length, lengthBytes);
  const { mimetype, cacheControl } = JSON.parse(head.buffer.toString()) as Record<string, string>;
  const start = lengthBytes + length;
  const { size: all, mtime, mtimeMs } = await file.stat();
  const size = all - start;
  // Supabase Storage has two forms of ETags for files. This is one of them.
  const eTag = `"${mtimeMs.toString(16)}-${size.toString(16)}"`;
  return {
    file,
    start,
    metadata: {
      mimetype: mimetype ?? "",
      cacheControl: cacheControl ?? "",
      contentLength: size,
      size,
      eTag,
      lastModified: mtime,
      httpStatusCode: 200,
    },
  };
}

async function readMetadata(path: string) {
  const found = await openObject(path);
  await found?.file.close();
  return found?.metadata ?? missing;
}

const hashed = (text: string) => createHash("sha256").update(text).digest("hex");

const missing = {
  cacheControl: "no-cache",
  contentLength: 0,
  size: 0,
  mimetype: "",
  eTag: "",
  httpStatusCode: 404,
};
