import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Schema } from "../wire.ts";

/** The health of the service. An unhealthy report is an answer, not an error. */
export class Health {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** Whether the API runs. */
  live(options?: RequestOptions): ApiPromise<Schema<"Liveness">> {
    return this.#http.request("get", "/health", { sends: "nothing" }, options);
  }

  /** The health of all parts: `healthy`, `degraded` or `unhealthy`. */
  get(options?: RequestOptions): ApiPromise<Schema<"Health">> {
    return this.#http.request("get", "/api/v1/health", { sends: "nothing", accepts: 503 }, options);
  }

  /** The health of the database. */
  database(options?: RequestOptions): ApiPromise<Schema<"PartHealth">> {
    return this.#http.request("get", "/api/v1/health/database", { sends: "nothing", accepts: 503 }, options);
  }

  /** The health of the file storage. */
  storage(options?: RequestOptions): ApiPromise<Schema<"PartHealth">> {
    return this.#http.request("get", "/api/v1/health/storage", { sends: "nothing", accepts: 503 }, options);
  }

  /** The health of Redis, which is optional. */
  redis(options?: RequestOptions): ApiPromise<Schema<"PartHealth">> {
    return this.#http.request("get", "/api/v1/health/redis", { sends: "nothing", accepts: 503 }, options);
  }

  /** The health with the last error of each part. Operators also get `service`: versions, pool, queue, jobs and settings. */
  detailed(options?: RequestOptions): ApiPromise<Schema<"DetailedHealth">> {
    return this.#http.request("get", "/api/v1/health/detailed", { accepts: 503 }, options);
  }
}
