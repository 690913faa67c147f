import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import type { Body, Schema } from "../wire.ts";

const all = "/api/v1/auth/developer-keys";
const one = `${all}/{key_id}` as const;

/** The keys of a developer. Keys made with `management` also act for the developer, on a server. */
export class DeveloperKeys {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates a key. `key` of the answer is the whole key, shown only here.
   * @throws ApiError developer_key_limit_reached
   */
  create(
    body: Body<"developerKeys.create"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"CreatedDeveloperKey">> {
    return this.#http.request("post", all, { body }, options);
  }

  /** All keys of the developer, newest first. */
  list(options?: RequestOptions): List<Schema<"DeveloperKey">> {
    return List.whole(() => this.#http.request("get", all, {}, options));
  }

  /**
   * Creates a new key. The old one stays valid for `grace_seconds` (default 0).
   * @throws ApiError developer_key_limit_reached, developer_key_not_active
   */
  rotate(
    keyId: string,
    body: Body<"developerKeys.rotate"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"CreatedDeveloperKey">> {
    return this.#http.request("post", `${one}/rotate`, { params: { key_id: keyId }, body }, options);
  }

  /**
   * Revokes a key. The API refuses its next request. A request cannot revoke the key that it sends.
   * @throws ApiError developer_key_already_revoked, developer_key_in_use
   */
  revoke(keyId: string, options?: RequestOptions): ApiPromise<void> {
    return this.#http.request("delete", one, { params: { key_id: keyId } }, options);
  }
}
