import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Schema } from "../wire.ts";

/** What pictures can be made with. */
export class Models {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** Those that the project's plan allows, with their options and limits, and the defaults. */
  list(options?: RequestOptions): ApiPromise<Schema<"Models">> {
    return this.#http.request("get", "/api/v1/models", {}, options);
  }
}
