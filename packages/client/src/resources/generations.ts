import { type ApiPromise, toApiPromise } from "../api-promise.ts";
import { GenerationError } from "../errors.ts";
import type { CompletedGeneration, FinishedGeneration } from "../finished-generation.ts";
import { followGeneration, type GenerationEvent, type StreamOptions } from "../follow-generation.ts";
import { type GenerationCreate, generationBody, uploadTimeoutMs } from "../generation-body.ts";
import type { Http, RequestOptions } from "../http.ts";
import { type ImageFiles, toFiles } from "../image-files.ts";
import type { List } from "../list.ts";
import { listByCursor } from "../list-by-cursor.ts";
import { examplePictureUrl, pictureUrl } from "../picture-url.ts";
import { randomKey } from "../random-key.ts";
import { opener, waitForGeneration } from "../wait-for-generation.ts";
import type { Streams } from "../wait-live.ts";
import type { WaitOptions } from "../wait-until-finished.ts";
import type { Body, Query, Schema } from "../wire.ts";

const one = "/api/v1/generation/{generation_id}";
const anonymous = "/api/v1/generation/anonymous-generations-v2/{generation_id}";
type Generation = Schema<"Generation">;

/** Pictures that are generated from prompts and pictures. */
export class Generations {
  readonly #http: Http;
  readonly #streams: Streams = { areMissing: false, silences: 0, open: 0 };
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates a generation. The answer has the status `pending`; `wait` resolves when the picture is finished. Each call has a new
   * idempotency key unless you pass one, so that a repeated request is charged once.
   * @throws ApiError quota_exceeded, concurrency_limit_reached, model_not_allowed, unsupported_image, idempotency_key_reused
   */
  create(
    request: GenerationCreate,
    { idempotencyKey = randomKey(), ...options }: RequestOptions & { idempotencyKey?: string } = {},
  ): ApiPromise<Schema<"CreatedGeneration">> {
    const post = async () => {
      const { sent, timeoutMs } = await generationBody(request, options);
      const init = { ...sent, idempotencyKey };
      return this.#http.send("post", "/api/v1/generation/generate-v2", init, { timeoutMs, ...options });
    };
    return toApiPromise(post());
  }

  /**
   * Creates a generation without an account. Each address has a daily limit, and the request is never repeated. Continue with
   * `wait(id, { anonymous: true })`.
   * @throws ApiError anonymous_limit_reached, anonymous_budget_reached, anonymous_disabled, unsupported_image
   */
  createAnonymous(
    request: GenerationCreate,
    options: RequestOptions = {},
  ): ApiPromise<Schema<"CreatedGeneration">> {
    const post = async () => {
      const { sent, timeoutMs } = await generationBody(request, options);
      const init = { ...sent, sends: "nothing" } as const;
      const path = "/api/v1/generation/generate-anonymous-v2";
      return this.#http.send("post", path, init, { timeoutMs, ...options });
    };
    return toApiPromise(post());
  }

  /**
   * Creates a generation and waits for its picture. `timeoutMs` is for both together, ten minutes by default.
   * @throws GenerationError when it fails or is canceled; the errors of `create` and `wait`
   */
  async run(
    request: GenerationCreate,
    {
      idempotencyKey,
      timeoutMs = 600_000,
      onStatus,
      onProgress,
      ...options
    }: WaitOptions & { idempotencyKey?: string } = {},
  ): Promise<CompletedGeneration> {
    const startedAt = Date.now();
    const { id } = await this.create(request, { ...options, ...(idempotencyKey && { idempotencyKey }) });
    const leftMs = Math.max(1, timeoutMs - (Date.now() - startedAt));
    const told = { ...(onStatus && { onStatus }), ...(onProgress && { onProgress }) };
    const done = await this.wait(id, { ...options, timeoutMs: leftMs, ...told });
    if (done.status !== "completed") throw new GenerationError(done);
    return done;
  }

  /**
   * Creates URLs for uploads to the file storage, which are valid for two hours. `upload` also sends the files.
   * @throws ApiError upload_limit_reached
   */
  createUploads(
    body: Body<"generations.createUploads"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"Uploads">> {
    return this.#http.request("post", "/api/v1/generation/uploads", { body }, options);
  }

  /** Uploads pictures to the file storage. @returns their ids for `upload_ids` of one `create` */
  async upload(files: ImageFiles, options: RequestOptions = {}): Promise<string[]> {
    const blobs = await toFiles(files, options.signal);
    const { uploads } = await this.createUploads({ count: blobs.length }, options);
    await Promise.all(
      blobs.map(({ blob }, at) => {
        const { url } = uploads[at] as (typeof uploads)[number];
        return this.#http.put(url, blob, { timeoutMs: uploadTimeoutMs, ...options });
      }),
    );
    return uploads.map(({ id }) => id);
  }

  /** The caller's generations, newest first. The project's developer gets those of all users. */
  list(query: Query<"generations.list"> = {}, options?: RequestOptions): List<Generation> {
    return listByCursor(query, (query) =>
      this.#http.request("get", "/api/v1/generation", { query }, options),
    );
  }

  /** Public pictures of the client's project, newest first. Without a project it lists those of all projects. */
  listPublic(query: Query<"generations.listPublic"> = {}, options?: RequestOptions): List<Generation> {
    return listByCursor(query, (query) =>
      this.#http.request("get", "/api/v1/generation/public", { query, sends: "keys" }, options),
    );
  }

  /** The project's limits and usage in this UTC month, and those of the end user. */
  usage(options?: RequestOptions): ApiPromise<Schema<"GenerationUsage">> {
    return this.#http.request("get", "/api/v1/generation/usage", {}, options);
  }

  /**
   * A generation with its status.
   * @throws ApiError generation_not_found
   */
  get(generationId: string, options?: RequestOptions): ApiPromise<Generation> {
    return this.#http.request("get", `${one}/status`, { params: { generation_id: generationId } }, options);
  }

  /**
   * A generation without an account, for 24 hours.
   * @throws ApiError generation_not_found
   */
  getAnonymous(generationId: string, options?: RequestOptions): ApiPromise<Generation> {
    const init = { params: { generation_id: generationId }, sends: "nothing" } as const;
    return this.#http.request("get", `${anonymous}/status`, init, options);
  }

  /**
   * Live events of a generation: each state once and in order, and progress if the model reports it. It ends after the final state,
   * reconnects by itself, and continues after short outages of the server.
   * @throws TimeoutError after `timeoutMs` (ten minutes); the generation continues
   */
  stream(
    generationId: string,
    options: StreamOptions = {},
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    return followGeneration(opener(this.#http, { generationId, isAnonymous: false }), options);
  }

  /** The same for a generation without an account. */
  streamAnonymous(
    generationId: string,
    options: StreamOptions = {},
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    return followGeneration(opener(this.#http, { generationId, isAnonymous: true }), options);
  }

  /**
   * Waits until the generation is `completed`, `failed` or `canceled`. It continues after short outages of the server. It uses live
   * events, or polls the status where they do not work.
   * @throws TimeoutError after `timeoutMs` (ten minutes); the generation continues, and you can call `wait` again
   */
  wait(
    generationId: string,
    { anonymous: isAnonymous = false, ...options }: WaitOptions & { anonymous?: boolean } = {},
  ): Promise<FinishedGeneration> {
    return waitForGeneration(this.#http, this.#streams, { generationId, isAnonymous }, options);
  }

  /**
   * Makes a picture public or private. A private picture loses all its earlier URLs.
   * @throws ApiError generation_not_found
   */
  setPublic(
    generationId: string,
    body: Body<"generations.setPublic">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"GenerationPublic">> {
    return this.#http.request(
      "patch",
      `${one}/public`,
      { params: { generation_id: generationId }, body },
      options,
    );
  }

  /**
   * Cancels a pending or processing generation. `charged` of the answer says whether it is charged.
   * @throws ApiError generation_not_running, generation_not_found
   */
  cancel(generationId: string, options?: RequestOptions): ApiPromise<Generation> {
    return this.#http.request("post", `${one}/cancel`, { params: { generation_id: generationId } }, options);
  }

  /**
   * Deletes a generation and its files. A running one is canceled first.
   * @throws ApiError generation_not_found
   */
  delete(generationId: string, options?: RequestOptions): ApiPromise<Schema<"GenerationDeleted">> {
    return this.#http.request("delete", one, { params: { generation_id: generationId } }, options);
  }

  /**
   * Downloads a finished picture. `index` counts from 0.
   * @throws RangeError when there is no such picture
   */
  async image(
    generation: string | Generation,
    { index = 0, ...options }: RequestOptions & { index?: number } = {},
  ): Promise<Blob> {
    return this.#http.download(pictureUrl(await this.#read(generation, options), index), options);
  }

  /**
   * Downloads an input picture of the generation. `index` counts from 0.
   * @throws RangeError when there is no such picture
   */
  async exampleImage(
    generation: string | Generation,
    index: number,
    options: RequestOptions = {},
  ): Promise<Blob> {
    return this.#http.download(examplePictureUrl(await this.#read(generation, options), index), options);
  }

  /** Reads the generation again if it had no picture yet. */
  #read(generation: string | Generation, options: RequestOptions): Promise<Generation> | Generation {
    if (typeof generation === "string") return this.get(generation, options);
    return generation.completed_at === null ? this.get(generation.id, options) : generation;
  }
}
