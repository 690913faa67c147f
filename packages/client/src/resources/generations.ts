import { filesForm, type ImageFile } from "../files.ts";
import type { Http, RequestOptions } from "../http.ts";
import { type Finished, type WaitOptions, waitUntilFinished } from "../wait.ts";
import type { Body, Schema } from "../wire.ts";

const statusPath = "/api/v1/generation/{generation_id}/status";
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
      { ...sent, headers: { "Idempotency-Key": idempotencyKey } },
      { ...options, timeoutMs },
    );
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
