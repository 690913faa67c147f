import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import type { Body, Schema } from "../wire.ts";

const path = "/api/v1/projects/{project_id}/api-keys";

/** The keys that name a project in requests of its end users. */
export class ApiKeys {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** `key` of the answer is the whole key, shown only here. */
  create(
    project_id: string,
    body: Body<"apiKeys.create"> = {},
    options?: RequestOptions,
  ): Promise<Schema<"CreatedApiKey">> {
    return this.#http.request("post", path, { params: { project_id }, body }, options);
  }

  list(project_id: string, options?: RequestOptions): List<Schema<"ApiKey">> {
    return List.whole(() => this.#http.request("get", path, { params: { project_id } }, options));
  }
}
