import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";

type Stored = {
  key: string;
  file: string;
  size: number;
  mimetype: string;
  cacheControl: string;
  eTag: string;
  lastModified: string;
};

type Body = WebStream | ReadableStream | Uint8Array;

/**
 * Objects on the local disk. File names are hashes of keys, so no key can leave the folder. An object exists or changes at the
 * rename of its `.json`.
 */
export class FileStorage {
  readonly driver = null;
  #folder: string;
  #max_bytes: number;

  constructor(folder: string, maxBytes: number) {
    this.#folder = folder;
    this.#max_bytes = maxBytes;
  }

  async uploadObject(
    bucket: string,
    key: string,
    _version: unknown,
    body: Body,
    mimetype: string,
    cacheControl: string,
  ) {
    const base = this.#base(bucket, key);
    await mkdir(this.#bucket(bucket), { recursive: true });
    const file = `${base}.${randomBytes(6).toString("hex")}`;
    const { size, eTag } = await this.#write(file, body);
    return this.#commit(base, {
      key,
      file,
      size,
      eTag,
      mimetype,
      cacheControl,
      lastModified: new Date().toISOString(),
    });
  }

  async getObject(bucket: string, key: string) {
    const found = await this.#use(bucket, key, async (stored) => {
      const stream = createReadStream(stored.file);
      await once(stream, "open");
      return { stored, stream };
    });
    if (found === undefined) return { metadata: missing, httpStatusCode: 404 };
    return {
      metadata: metadataOf(found.stored),
      httpStatusCode: 200,
      body: Readable.toWeb(found.stream) as ReadableStream,
    };
  }

  async headObject(bucket: string, key: string) {
    const stored = await this.#find(bucket, key);
    return stored === undefined ? missing : metadataOf(stored);
  }

  async copyObject(bucket: string, key: string, _version: unknown, toBucket: string, toKey: string) {
    const base = this.#base(toBucket, toKey);
    await mkdir(this.#bucket(toBucket), { recursive: true });
    const file = `${base}.${randomBytes(6).toString("hex")}`;
    const stored = await this.#use(bucket, key, async (found) => {
      await copyFile(found.file, file);
      return found;
    });
    if (stored === undefined) throw new Error("The object to copy has no file");
    return this.#commit(base, { ...stored, key: toKey, file, lastModified: new Date().toISOString() });
  }

  async deleteObject(bucket: string, key: string): Promise<void> {
    const stored = await this.#find(bucket, key);
    await rm(`${this.#base(bucket, key)}.json`, { force: true });
    if (stored !== undefined) await rm(stored.file, { force: true });
  }

  async deleteObjects(bucket: string, keys: string[]): Promise<void> {
    for (const key of keys) await this.deleteObject(bucket, key);
  }

  async privateAssetUrl(): Promise<string> {
    throw new Error("Objects of the embedded stack have no address of their own");
  }

  /**
   * Runs the work on the file of an object. An upload may replace and remove that file before the work opens it: then the work
   * runs again on the new file. @returns undefined when there is no object
   */
  async #use<T>(bucket: string, key: string, work: (stored: Stored) => Promise<T>): Promise<T | undefined> {
    for (let last: string | undefined; ; ) {
      const stored = await this.#find(bucket, key);
      if (stored === undefined || stored.file === last) return undefined;
      try {
        return await work(stored);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
        last = stored.file;
      }
    }
  }

  #bucket(bucket: string): string {
    return join(this.#folder, hashed(bucket).slice(0, 16));
  }

  #base(bucket: string, key: string): string {
    return join(this.#bucket(bucket), hashed(key));
  }

  async #find(bucket: string, key: string): Promise<Stored | undefined> {
    try {
      return JSON.parse(await readFile(`${this.#base(bucket, key)}.json`, "utf8")) as Stored;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async #write(file: string, body: Body): Promise<{ size: number; eTag: string }> {
    const hash = createHash("md5");
    const max_bytes = this.#max_bytes;
    let size = 0;
    const measure = new Transform({
      transform(chunk: Uint8Array, _encoding, done) {
        size += chunk.byteLength;
        hash.update(chunk);
        done(size > max_bytes ? new Error("The object exceeded the maximum allowed size") : null, chunk);
      },
    });
    const source = body instanceof Uint8Array ? Readable.from([body]) : Readable.fromWeb(body as WebStream);
    try {
      await pipeline(source, measure, createWriteStream(file, { flags: "wx", mode: 0o600 }));
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    }
    return { size, eTag: `"${hash.digest("hex")}"` };
  }

  async #commit(base: string, stored: Stored) {
    const replaced = await readFile(`${base}.json`, "utf8").catch(() => undefined);
    const draft = `${stored.file}.json`;
    await writeFile(draft, JSON.stringify(stored), { mode: 0o600 });
    await rename(draft, `${base}.json`);
    if (replaced !== undefined) await rm((JSON.parse(replaced) as Stored).file, { force: true });
    return metadataOf(stored);
  }
}

function hashed(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function metadataOf({ size, mimetype, cacheControl, eTag, lastModified }: Stored) {
  return {
    cacheControl,
    contentLength: size,
    size,
    mimetype,
    eTag,
    lastModified: new Date(lastModified),
    httpStatusCode: 200,
  };
}

const missing = {
  cacheControl: "no-cache",
  contentLength: 0,
  size: 0,
  mimetype: "",
  eTag: "",
  httpStatusCode: 404,
};
