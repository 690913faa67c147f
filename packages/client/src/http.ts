import { parseAnswer, reasonOf, reject, unexpected } from "./answer.ts";
import { type ApiPromise, type Received, toApiPromise } from "./api-promise.ts";
import { ApiError, ConnectionError, TimeoutError } from "./errors.ts";
import { type Params, requestTarget } from "./request-target.ts";
import { retryDelay } from "./retry-delay.ts";
import type { Session, SessionStore } from "./session.ts";
import { SessionKeeper } from "./session-keeper.ts";
import { sleep } from "./sleep.ts";
import { assertTimeout, startTimer } from "./start-timer.ts";
import { onAbort, untilAborted } from "./until-aborted.ts";
import type { paths } from "./wire.gen.ts";
import type { Answer, RequestInit, Verb } from "./wire.ts";

/** The last argument of every call. */
export type RequestOptions = {
  /** Ends the call at once. It rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** In milliseconds, for each attempt; Infinity for no limit. Default: that of createClient. */
  timeoutMs?: number | undefined;
  maxRetries?: number | undefined;
  /** Another project than that of createClient; null for none. */
  projectId?: string | null | undefined;
};

export type HttpConfig = {
  url: string;
  operatorKey?: string | undefined;
  developerKey?: string | undefined;
  apiKey?: string | undefined;
  projectId?: string | undefined;
  fetch: typeof fetch;
  timeoutMs: number;
  maxRetries: number;
};

/** How a request differs from the default, which sends all credentials and expects JSON with 2xx. */
type Variant = {
  /** `keys` sends no session, and `nothing` sends no credentials. */
  sends?: "nothing" | "keys" | "all";
  /** An error status whose body counts as an answer. */
  accepts?: number;
  /** Whether a POST may be repeated. */
  repeatable?: boolean;
  /** Whether the answer is a stream of events, whose body is not read here. */
  streams?: boolean;
  lastEventId?: string | undefined;
};

type Request = {
  params?: Params | undefined;
  query?: object | undefined;
  body?: unknown;
  form?: FormData | undefined;
  idempotencyKey?: string | undefined;
} & Variant;

export class Http {
  readonly sessions: SessionKeeper;
  readonly #config: HttpConfig;

  constructor(config: HttpConfig, store: SessionStore) {
    this.#config = config;
    this.sessions = new SessionKeeper(store, (refreshToken) =>
      this.request("post", "/api/v1/auth/refresh", {
        body: { refresh_token: refreshToken },
        sends: "nothing",
        repeatable: true,
      }),
    );
  }

  /** One operation of the document, with retries and a fresh session. @throws ApiError, ConnectionError */
  request<P extends keyof paths, V extends Verb & keyof paths[P]>(
    verb: V,
    path: P,
    init: RequestInit<paths[P][V]> & Variant,
    options?: RequestOptions,
  ): ApiPromise<Answer<paths[P][V]>> {
    return toApiPromise(this.send(verb, path, init, options));
  }

  /** Like `request`, together with the headers of the answer. */
  async send<P extends keyof paths, V extends Verb & keyof paths[P]>(
    verb: V,
    path: P,
    init: RequestInit<paths[P][V]> & Variant,
    options: RequestOptions = {},
  ): Promise<Received<Answer<paths[P][V]>>> {
    const request: Request = init;
    const { signal, maxRetries = this.#config.maxRetries } = options;
    const url = this.#config.url + requestTarget(path, request.params, request.query);
    const isRepeatable = verb === "get" || request.repeatable || request.idempotencyKey !== undefined;
    let hasRenewed = false;
    for (let attempt = 0; ; ) {
      signal?.throwIfAborted();
      const session =
        (request.sends ?? "all") === "all" ? await untilAborted(this.sessions.fresh(), signal) : null;
      try {
        return await this.#attempt(verb.toUpperCase(), url, request, session, options);
      } catch (error) {
        if (isRefusedToken(error) && session !== null && !hasRenewed) {
          hasRenewed = true;
          if ((await untilAborted(this.sessions.refresh(session), signal)) === null) throw error;
          continue;
        }
        const delay = isRepeatable && attempt < maxRetries ? retryDelay(error, attempt) : null;
        if (delay === null) throw error;
        attempt++;
        await sleep(delay, signal);
      }
    }
  }

  /** Opens a stream of events. Its caller reads and ends the body. */
  async open<P extends keyof paths>(
    path: P,
    init: RequestInit<paths[P]["get"]> & Variant,
    options: RequestOptions,
  ): Promise<Response> {
    const { data } = await this.send("get", path, { ...init, streams: true } as never, options);
    return data as unknown as Response;
  }

  /** Fetches a picture by the URL of the API, without credentials. */
  async download(address: string, options: RequestOptions = {}): Promise<Blob> {
    const { maxRetries = this.#config.maxRetries } = options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#fetch(address, { redirect: "follow" }, options, async (response) =>
          response.ok ? await response.blob() : reject(response, await response.text(), expired),
        );
      } catch (error) {
        const delay = attempt < maxRetries ? retryDelay(error, attempt) : null;
        if (delay === null) throw error;
        await sleep(delay, options.signal);
      }
    }
  }

  /** Uploads a file to a URL of the API once, without credentials. */
  put(address: string, body: Blob, options: RequestOptions = {}): Promise<void> {
    // Cloudflare Workers throw at the mode "error".
    return this.#fetch(address, { method: "PUT", body, redirect: "manual" }, options, async (response) => {
      if (!response.ok) reject(response, await response.text(), refused);
    });
  }

  #attempt<T>(
    method: string,
    url: string,
    request: Request,
    session: Session | null,
    options: RequestOptions,
  ): Promise<Received<T>> {
    const headers = this.#headers(request, session, options);
    const body = request.form ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
    // A redirect could send the keys to another host. Next.js would cache one user's answers for the next user.
    const init = { method, headers, redirect: "manual", cache: "no-store", ...(body && { body }) } as const;
    return this.#fetch(url, init, options, async (response) => {
      if (request.streams && response.ok) return { data: stream(response) as T, headers: response.headers };
      const text = await response.text();
      if (!response.ok && response.status !== request.accepts) reject(response, text);
      return { data: parseAnswer(response, text) as T, headers: response.headers };
    });
  }

  #headers(
    { sends = "all", body, idempotencyKey, streams = false, lastEventId }: Request,
    session: Session | null,
    options: RequestOptions,
  ) {
    const { operatorKey, developerKey, apiKey, projectId } = this.#config;
    const headers: Record<string, string> = { Accept: streams ? "text/event-stream" : "application/json" };
    const put = (name: string, value: string | null | undefined) => {
      if (value !== null && value !== undefined) headers[name] = value;
    };
    if (body !== undefined) put("Content-Type", "application/json");
    put("Idempotency-Key", idempotencyKey);
    put("Last-Event-ID", lastEventId);
    if (sends === "nothing") return headers;
    // The operator key is sent only without a session, since both name an account.
    if (session === null) put("X-Operator-Key", operatorKey);
    put("X-Developer-Key", developerKey);
    put("X-API-Key", apiKey);
    put("X-Project-ID", options.projectId === undefined ? projectId : options.projectId);
    if (session !== null) put("Authorization", `Bearer ${session.access_token}`);
    return headers;
  }

  /** One request with its deadline, which includes reading the answer. */
  async #fetch<T>(
    url: string,
    init: globalThis.RequestInit,
    { signal, timeoutMs = this.#config.timeoutMs }: RequestOptions,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const { origin, pathname } = new URL(url);
    const what = `${init.method ?? "GET"} ${origin}${pathname}`;
    assertTimeout(timeoutMs);
    signal?.throwIfAborted();
    const controller = new AbortController();
    const unfollow = signal && onAbort(signal, () => controller.abort(signal.reason));
    const stopTimer = startTimer(timeoutMs, () => {
      controller.abort(
        new TimeoutError(
          `No answer to ${what} within ${timeoutMs} ms. It may have happened all the same: look before you repeat it, ` +
            "or allow more time with timeoutMs.",
        ),
      );
    });
    try {
      const answer = this.#config.fetch(url, { ...init, signal: controller.signal }).then(read);
      return await untilAborted(answer, controller.signal);
    } catch (error) {
      if (controller.signal.aborted) throw controller.signal.reason;
      if (error instanceof ApiError) throw error;
      throw new ConnectionError(
        `${what} got no answer (${reasonOf(error)}). Check that the API runs there (\`npm start\` runs it locally), ` +
          "and, in a browser, that the project allows this page's origin.",
      );
    } finally {
      stopTimer();
      unfollow?.();
    }
  }
}

/** @throws ApiError unless it is a stream. Older servers, proxies and some platforms have none. */
function stream(response: Response): Response {
  const isEvents = /^text\/event-stream\b/.test(response.headers.get("content-type") ?? "");
  if (response.status !== 204 && !(isEvents && response.body)) throw unexpected(response);
  return response;
}

const expired = "The address may have expired: read the generation again.";
const refused = "The file storage takes JPEG, PNG and WebP of at most 10 MB.";

const isRefusedToken = (error: unknown) =>
  error instanceof ApiError && error.status === 401 && error.code === "invalid_token";
