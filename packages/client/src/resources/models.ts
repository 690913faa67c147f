import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Schema } from "../wire.ts";

/** The models that make pictures. */
export class Models {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** The models that the project's plan allows, with their options and limits, and the defaults. */
  list(options?: RequestOptions): ApiPromise<Schema<"Models">> {
    return this.#http.request("get", "/api/v1/models", {}, options);
  }
}
