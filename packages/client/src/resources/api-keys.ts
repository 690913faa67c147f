import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import type { Body, Query, Schema } from "../wire.ts";

const all = "/api/v1/projects/{project_id}/api-keys";
const one = `${all}/{key_id}` as const;

/** The keys that identify a project in requests of its end users. */
export class ApiKeys {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates a key. `key` of the answer is the whole key, shown only here.
   * @throws ApiError api_key_limit_reached
   */
  create(
    projectId: string,
    body: Body<"apiKeys.create"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"CreatedApiKey">> {
    return this.#http.request("post", all, { params: { project_id: projectId }, body }, options);
  }

  /** All keys of the project, newest first. */
  list(projectId: string, options?: RequestOptions): List<Schema<"ApiKey">> {
    return List.whole(() => this.#http.request("get", all, { params: { project_id: projectId } }, options));
  }

  /**
   * Creates a new key. The old one stays valid for `grace_seconds` (default 0).
   * @throws ApiError api_key_limit_reached, api_key_already_revoked, api_key_already_expired, api_key_already_rotated
   */
  rotate(
    projectId: string,
    keyId: string,
    body: Body<"apiKeys.rotate"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"RotatedApiKey">> {
    return this.#http.request(
      "post",
      `${one}/rotate`,
      { params: { project_id: projectId, key_id: keyId }, body },
      options,
    );
  }

  /**
   * Revokes a key. The API refuses its next request.
   * @throws ApiError api_key_already_revoked
   */
  revoke(projectId: string, keyId: string, options?: RequestOptions): ApiPromise<void> {
    return this.#http.request("delete", one, { params: { project_id: projectId, key_id: keyId } }, options);
  }

  /** Requests and errors per UTC day, oldest first. */
  usage(
    projectId: string,
    keyId: string,
    query: Query<"apiKeys.usage"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"ApiKeyUsage">[]> {
    return this.#http.request(
      "get",
      `${one}/usage`,
      { params: { project_id: projectId, key_id: keyId }, query },
      options,
    );
  }
}
