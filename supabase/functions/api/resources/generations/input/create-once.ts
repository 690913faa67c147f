import { createHash } from "node:crypto";
import type { Deps } from "../../../context.ts";
import { ApiError, invalidField } from "../../../errors.ts";
import { predicates } from "../../../predicates.ts";
import {
  beginIdempotent,
  type Caller,
  type GenerationRow,
  type IdempotentRequest,
  releaseIdempotent,
} from "../store.ts";
import type { GenerationRequest } from "./generation-request.ts";

const waitMs = 6_000;
const pollMs = 100;

/** @throws ApiError validation_failed unless it is absent or has 1 to 255 visible characters */
export function readIdempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (!key) return null;
  if (key.length > 255 || !/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw invalidField(["header", "Idempotency-Key"], predicates.idempotency_key);
  }
  return key;
}

/** A hash that is equal for equivalent requests, whatever the form of their bodies. */
export function fingerprintOf({ images, options, ...request }: GenerationRequest): string {
  const hash = (...pieces: (Uint8Array | string)[]) => {
    const digest = createHash("sha256");
    for (const piece of pieces) digest.update(piece);
    return digest.digest("hex");
  };
  const sorted = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  const { prompt, model = null, is_public, upload_ids } = request;
  return hash(
    JSON.stringify([prompt, model, is_public, upload_ids, sorted, images.map(({ body }) => hash(...body))]),
  );
}

/**
 * Runs `create` once for all requests with the same key. A duplicate waits for the first request and gets its generation. After a
 * failure the next request runs `create`.
 * @throws ApiError idempotency_key_reused, idempotency_key_in_use, whatever `create` throws
 */
export async function createOnce(
  { database, log }: Deps,
  caller: Caller,
  request: IdempotentRequest,
  create: () => Promise<GenerationRow>,
): Promise<{ row: GenerationRow; replayed: boolean }> {
  const deadline = Date.now() + waitMs;
  for (;;) {
    const begun = await beginIdempotent(database, caller, request);
    if (begun.state === "done") return { row: begun.response, replayed: true };
    if (begun.state === "started") {
      try {
        return { row: await create(), replayed: false };
      } catch (error) {
        await releaseIdempotent(database, request.generation_id).catch((cause) =>
          log("warn", "an idempotency key stays locked for a minute", { cause }),
        );
        throw error;
      }
    }
    if (Date.now() + pollMs > deadline)
      throw new ApiError("idempotency_key_in_use", { retryAfterSeconds: 2 });
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
