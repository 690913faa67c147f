import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Schema } from "../wire.ts";

/** Plans with the limits of projects. */
export class Plans {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** The listed plans, and those of the caller and the caller's projects, the smallest first. */
  list(options?: RequestOptions): ApiPromise<Schema<"Plans">> {
    return this.#http.request("get", "/api/v1/plans", {}, options);
  }
}
