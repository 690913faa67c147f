import type { Prediction } from "replicate";
import type { Env } from "../env.ts";
import { ApiError } from "../errors.ts";
import { fetchFile, readAtMost } from "./fetch-file.ts";

export type { Prediction };

/**
 * The outcome of a create, the only request that costs money. `refused` means that certainly nothing was created. `unclear` may have
 * created a prediction, so the request is never sent again.
 */
type Submission =
  | { outcome: "accepted"; prediction: Prediction }
  | { outcome: "refused"; again: boolean; waitSeconds: number; reason: string }
  | { outcome: "unclear"; reason: string };

/** Replicate's HTTP API, https://replicate.com/docs/reference/http. This client never repeats a call. */
export type ReplicateClient = {
  configured: boolean;
  create(model: string, input: Record<string, unknown>, webhook: string | undefined): Promise<Submission>;
  /** Null when Replicate does not know the prediction any more. */
  get(id: string): Promise<Prediction | null>;
  /** The log of a prediction. Null when there is none or the answer is too large for repeated reads. */
  logs(id: string): Promise<string | null>;
  /**
   * Searches for the prediction that may exist for a generation.
   * `complete` says whether all predictions since then were searched. Only then the absence of a result is certain.
   */
  find(generationId: string, since: Date): Promise<{ prediction: Prediction | null; complete: boolean }>;
  /** Returns the prediction after the cancel, or null when Replicate does not know it any more. A finished one does not change. */
  cancel(id: string): Promise<Prediction | null>;
  /** The secret that signs webhooks (`whsec_…`). */
  webhookSecret(): Promise<string>;
  /** Downloads a result from an allowed host, or decodes a `data:` URL. @throws CopyError */
  download(url: string, maxBytes: number): Promise<Uint8Array>;
  /** Resolves when the API is reachable. It sends no token, so the check counts against no limit. */
  check(deadlineMs: number): Promise<void>;
  /** Whether Replicate accepts the token. */
  checkToken(deadlineMs: number): Promise<"accepted" | "refused" | "unknown">;
};

type PredictionPage = { results: Prediction[]; next: string | null };

const timeoutMs = 20_000;
/** A prediction may contain its picture as a `data:` URL. Five are read at a time, and an isolate has 256 MB. */
const maxAnswerBytes = 12 * 1024 * 1024;
/** A running prediction is small: its input is URLs, and its log is a few lines. */
const maxLogAnswerBytes = 256 * 1024;
const maxPages = 20;

/**
 * Whether the prediction was created for this generation. Its webhook's URL contains the id or, where Replicate omits the webhook,
 * the URL of an input picture does. The prompt does not count, since a user could write another generation's id into it.
 */
export function isMadeFor({ webhook, input }: Pick<Prediction, "webhook" | "input">, id: string): boolean {
  if (webhook) return URL.canParse(webhook) && new URL(webhook).searchParams.get("generation_id") === id;
  const { prompt: _, ...pictures } = (input ?? {}) as Record<string, unknown>;
  return JSON.stringify(pictures).includes(id);
}

export function createReplicateClient(env: Env, fetcher: typeof fetch = fetch): ReplicateClient {
  let secret: string | undefined = env.replicate_webhook_secret;

  function send(path: string, init: RequestInit = {}): Promise<Response> {
    return fetcher(`${env.replicate_api_url}${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${env.replicate_api_token}`, "Content-Type": "application/json" },
      signal: AbortSignal.timeout(timeoutMs),
    });
  }

  async function read<T>(response: Response, what: string): Promise<T> {
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`Replicate answered ${response.status} to ${what}`);
    }
    return parseAnswer<T>(response, what);
  }

  /** @throws CopyError too_large when the answer does not fit into memory. A retry does not help. */
  async function parseAnswer<T>(response: Response, what: string, maxBytes = maxAnswerBytes): Promise<T> {
    const body = response.body === null ? new Uint8Array() : await readAtMost(response.body, maxBytes);
    const answer: unknown = JSON.parse(new TextDecoder().decode(body));
    if (typeof answer !== "object" || answer === null) throw new Error(`Replicate's ${what} is no object`);
    return answer as T;
  }

  return {
    configured: env.replicate_api_token !== undefined,

    async create(model, input, webhook) {
      const version = model.split(":")[1];
      const path = version === undefined ? `/models/${model}/predictions` : "/predictions";
      const body = JSON.stringify({
        ...(version === undefined ? {} : { version }),
        input,
        ...(webhook === undefined ? {} : { webhook, webhook_events_filter: ["start", "completed"] }),
      });
      let response: Response;
      try {
        response = await send(path, { method: "POST", body: onceOnly(body), ...{ duplex: "half" } });
      } catch (error) {
        return classifyNetworkError(error);
      }
      return classifyAnswer(response);
    },

    async get(id) {
      const response = await send(`/predictions/${encodeURIComponent(id)}`);
      if (response.status === 404 || response.status === 410) {
        await response.body?.cancel();
        return null;
      }
      return read<Prediction>(response, "GET prediction");
    },

    async logs(id) {
      const response = await send(`/predictions/${encodeURIComponent(id)}`);
      if (!response.ok) {
        await response.body?.cancel();
        return null;
      }
      const { logs } = await parseAnswer<Partial<Prediction>>(response, "GET prediction", maxLogAnswerBytes);
      return typeof logs === "string" ? logs : null;
    },

    async find(generationId, since) {
      let cursor: string | null = "";
      for (let page = 0; page < maxPages && cursor !== null; page++) {
        const response = await send(`/predictions${cursor && `?cursor=${encodeURIComponent(cursor)}`}`);
        const { results, next } = await read<PredictionPage>(response, "GET predictions");
        const prediction = results.find((candidate) => isMadeFor(candidate, generationId));
        if (prediction !== undefined) return { prediction, complete: true };
        const oldest = results.at(-1);
        if (oldest !== undefined && Date.parse(oldest.created_at) < since.getTime()) cursor = null;
        else cursor = next === null ? null : new URL(next).searchParams.get("cursor");
      }
      return { prediction: null, complete: cursor === null };
    },

    async cancel(id) {
      const response = await send(`/predictions/${encodeURIComponent(id)}/cancel`, { method: "POST" });
      if (response.status === 404) {
        await response.body?.cancel();
        return null;
      }
      return read<Prediction>(response, "cancel");
    },

    async webhookSecret() {
      secret ??= (await read<{ key: string }>(await send("/webhooks/default/secret"), "GET webhook secret"))
        .key;
      return secret;
    },

    download: (url, maxBytes) =>
      fetchFile(url, { hosts: env.replicate_file_hosts, fetcher, maxBytes, timeoutMs }),

    async check(deadlineMs) {
      const response = await fetcher(env.replicate_api_url, { signal: AbortSignal.timeout(deadlineMs) });
      await response.body?.cancel();
      if (response.status >= 500) throw new ApiError("generation_unavailable");
    },

    async checkToken(deadlineMs) {
      try {
        const response = await fetcher(`${env.replicate_api_url}/account`, {
          headers: { Authorization: `Bearer ${env.replicate_api_token}` },
          signal: AbortSignal.timeout(deadlineMs),
        });
        await response.body?.cancel();
        if (response.ok) return "accepted";
        return response.status === 401 || response.status === 403 ? "refused" : "unknown";
      } catch {
        return "unknown";
      }
    },
  };
}

/**
 * A body that cannot be sent twice. Deno's fetch repeats a request, even a POST, when a kept-alive connection is cut before the
 * answer. It cannot repeat a stream that was read.
 */
function onceOnly(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.close();
    },
  });
}

async function classifyAnswer(response: Response): Promise<Submission> {
  const { status } = response;
  if (status === 429) {
    const wait = Number(response.headers.get("Retry-After"));
    await response.body?.cancel();
    return {
      outcome: "refused",
      again: true,
      waitSeconds: Math.min(Math.max(wait || 10, 1), 600),
      reason: "429",
    };
  }
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = null;
  }
  if (status >= 400 && status < 500) {
    const detail = String((body as { detail?: unknown } | null)?.detail ?? "").slice(0, 500);
    return { outcome: "refused", again: false, waitSeconds: 0, reason: `${status} ${detail}` };
  }
  const prediction = body as Prediction | null;
  if (response.ok && typeof prediction?.id === "string") return { outcome: "accepted", prediction };
  return { outcome: "unclear", reason: `status ${status}` };
}

/** Only a refused connection proves that nothing was sent. Node names it in `cause.code`, Deno in the message. */
function classifyNetworkError(error: unknown): Submission {
  const { message = "", cause } = error as { message?: string; cause?: { code?: string; message?: string } };
  const text = `${message} ${cause?.code ?? ""} ${cause?.message ?? ""}`;
  if (/ECONNREFUSED|connection refused|ENOTFOUND|dns error|failed to lookup/i.test(text)) {
    return { outcome: "refused", again: true, waitSeconds: 10, reason: "not reachable" };
  }
  return { outcome: "unclear", reason: message || "network error" };
}
