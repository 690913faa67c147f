import { filesForm, type ImageFile } from "../files.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import { type Finished, type WaitOptions, waitUntilFinished } from "../wait.ts";
import type { Body, Query, Schema } from "../wire.ts";

const one = "/api/v1/generation/{generation_id}";
const statusPath = `${one}/status` as const;
/** Uploads may be 50 MB over a slow line. */
const uploadTimeoutMs = 120_000;

export type GenerationCreate = Extract<Body<"generations.create">, { prompt: string }> & {
  /** 1 to 5 pictures to work from: JPEG, PNG or WebP, at most 10 MB each. */
  files?: ImageFile[];
};
type Generation = Schema<"Generation">;

/** Pictures from words and pictures. */
export class Generations {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Asks for a picture. The answer comes at once with status `pending`; `wait` tells when the picture is there. Sent with an
   * idempotency key, a new one for each call unless you name one, so that a repeated request is not paid twice.
   */
  create(
    { files = [], ...body }: GenerationCreate,
    { idempotencyKey = randomKey(), ...options }: RequestOptions & { idempotencyKey?: string } = {},
  ): Promise<Schema<"CreatedGeneration">> {
    const sent = files.length === 0 ? { body } : { form: filesForm(body, files) };
    const timeoutMs = options.timeoutMs ?? (files.length === 0 ? undefined : uploadTimeoutMs);
    return this.#http.request(
      "post",
      "/api/v1/generation/generate-v2",
      { ...sent, idempotencyKey },
      { ...options, timeoutMs },
    );
  }

  /**
   * The caller's own, newest first; for whoever runs the project, everybody's.
   */
  list(query: Query<"generations.list"> = {}, options?: RequestOptions): List<Generation> {
    return this.#pages("/api/v1/generation", query, options);
  }

  /** Published pictures, newest first, of the client's project or, without one, of all. */
  listPublic(query: Query<"generations.listPublic"> = {}, options?: RequestOptions): List<Generation> {
    return this.#pages("/api/v1/generation/public", query, options);
  }

  /** Publishes the picture at a stable address, or ends every address of it. */
  setPublic(
    generation_id: string,
    body: Body<"generations.setPublic">,
    options?: RequestOptions,
  ): Promise<Schema<"GenerationPublic">> {
    return this.#http.request("patch", `${one}/public`, { params: { generation_id }, body }, options);
  }

  /** Stops one that is pending or processing; it is not charged. */
  cancel(generation_id: string, options?: RequestOptions): Promise<Generation> {
    return this.#http.request("post", `${one}/cancel`, { params: { generation_id } }, options);
  }

  /** With its pictures; one that still runs is stopped. */
  delete(generation_id: string, options?: RequestOptions): Promise<Schema<"GenerationDeleted">> {
    return this.#http.request("delete", one, { params: { generation_id } }, options);
  }

  /** What the project has used of its plan this month. */
  usage(options?: RequestOptions): Promise<Schema<"GenerationUsage">> {
    return this.#http.request("get", "/api/v1/generation/usage", {}, options);
  }

  /** Addresses to PUT large pictures to; name their ids as `upload_ids` of `create`. */
  createUploads(
    body: Body<"generations.createUploads"> = {},
    options?: RequestOptions,
  ): Promise<Schema<"Uploads">> {
    return this.#http.request("post", "/api/v1/generation/uploads", { body }, options);
  }

  /** Without an account: some a day, kept for a day. Not repeated after a lost answer, since each one counts. */
  createAnonymous(
    { files = [], ...body }: GenerationCreate,
    options: RequestOptions = {},
  ): Promise<Schema<"CreatedGeneration">> {
    const sent = files.length === 0 ? { body } : { form: filesForm(body, files) };
    const timeoutMs = options.timeoutMs ?? (files.length === 0 ? undefined : uploadTimeoutMs);
    const path = "/api/v1/generation/generate-anonymous-v2";
    return this.#http.request("post", path, sent, { ...options, timeoutMs });
  }

  getAnonymous(generation_id: string, options?: RequestOptions): Promise<Generation> {
    const path = "/api/v1/generation/anonymous-generations-v2/{generation_id}/status";
    return this.#http.request("get", path, { params: { generation_id } }, options);
  }

  get(generation_id: string, options?: RequestOptions): Promise<Generation> {
    return this.#http.request("get", statusPath, { params: { generation_id } }, options);
  }

  /**
   * The generation once it is `completed`, `failed` or `canceled`. Outlives short outages of the server.
   * @throws TimeoutError after `timeoutMs` (ten minutes); the generation goes on, and so can you with another `wait`
   */
  wait(generation_id: string, options: WaitOptions = {}): Promise<Finished<Generation>> {
    return waitUntilFinished(
      (wait, request) =>
        this.#http.request("get", statusPath, { params: { generation_id }, query: { wait } }, request),
      options,
    );
  }

  /** The finished picture itself. Several ones are numbered from 0. */
  async image(
    generation: string | Generation,
    { index = 0, ...options }: RequestOptions & { index?: number } = {},
  ): Promise<Blob> {
    const { id, status, images } = await this.#read(generation, options);
    const url = images[index]?.url;
    if (url === undefined) {
      throw new RangeError(
        `Generation ${id} is ${status} and has ${images.length} pictures: there is none at index ${index}. ` +
          "Call generations.wait first and look at its status and error.",
      );
    }
    return this.#http.download(url, options);
  }

  /** A picture that was uploaded for it, numbered from 0. */
  async exampleImage(
    generation: string | Generation,
    index: number,
    options: RequestOptions = {},
  ): Promise<Blob> {
    const { id, example_images } = await this.#read(generation, options);
    const url = example_images[index];
    if (url === undefined)
      throw new RangeError(`Generation ${id} has ${example_images.length} example images.`);
    return this.#http.download(url, options);
  }

  #pages(
    path: "/api/v1/generation" | "/api/v1/generation/public",
    query: { page?: number; per_page?: number; cursor?: string },
    options: RequestOptions | undefined,
  ): List<Generation> {
    return List.of(query, async (position) => {
      const answer = await this.#http.request("get", path, { query: position }, options);
      const { generations, total, next_cursor } = answer;
      return {
        items: generations,
        total,
        next: next_cursor === null ? null : { ...query, cursor: next_cursor },
      };
    });
  }

  /** An object that was read before its picture was there is read again. */
  #read(generation: string | Generation, options: RequestOptions): Promise<Generation> | Generation {
    if (typeof generation === "string") return this.get(generation, options);
    return generation.completed_at === null ? this.get(generation.id, options) : generation;
  }
}

/** crypto.randomUUID is missing on plain http pages. */
function randomKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
