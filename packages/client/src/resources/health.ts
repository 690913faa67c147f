import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Schema } from "../wire.ts";

/** Whether the service can serve. A part that is down is an answer here, not an error. */
export class Health {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** Whether the API runs at all. */
  live(options?: RequestOptions): ApiPromise<Schema<"Liveness">> {
    return this.#http.request("get", "/health", { sends: "nothing" }, options);
  }

  /** Whether it can serve: `healthy`, `degraded` or `unhealthy`. */
  get(options?: RequestOptions): ApiPromise<Schema<"Health">> {
    return this.#http.request("get", "/api/v1/health", { sends: "nothing", accepts: 503 }, options);
  }

  database(options?: RequestOptions): ApiPromise<Schema<"PartHealth">> {
    return this.#http.request("get", "/api/v1/health/database", { sends: "nothing", accepts: 503 }, options);
  }

  storage(options?: RequestOptions): ApiPromise<Schema<"PartHealth">> {
    return this.#http.request("get", "/api/v1/health/storage", { sends: "nothing", accepts: 503 }, options);
  }

  redis(options?: RequestOptions): ApiPromise<Schema<"PartHealth">> {
    return this.#http.request("get", "/api/v1/health/redis", { sends: "nothing", accepts: 503 }, options);
  }

  /** Also the last error of each part; for operators `service`, with versions, pool, queue, jobs and settings. */
  detailed(options?: RequestOptions): ApiPromise<Schema<"DetailedHealth">> {
    return this.#http.request("get", "/api/v1/health/detailed", { accepts: 503 }, options);
  }
}
