import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Body, Schema } from "../wire.ts";

/** Handing a project over to another developer: its owner offers, the other one accepts. */
export class Transfers {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** By the owner, with the password. A newer offer replaces this one. */
  offer(
    projectId: string,
    body: Body<"transfers.offer">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"ProjectTransfer">> {
    return this.#http.request(
      "post",
      "/api/v1/projects/{project_id}/transfer",
      { params: { project_id: projectId }, body },
      options,
    );
  }

  /** What is offered to the caller. */
  list(options?: RequestOptions): ApiPromise<Schema<"ProjectTransfer">[]> {
    return this.#http.request("get", "/api/v1/projects/transfers", {}, options);
  }

  /** The offer of one project. */
  get(projectId: string, options?: RequestOptions): ApiPromise<Schema<"ProjectTransfer">> {
    const params = { project_id: projectId };
    return this.#http.request("get", "/api/v1/projects/{project_id}/transfer", { params }, options);
  }

  /** Its owner withdraws it, or whom it is offered to declines. */
  end(projectId: string, options?: RequestOptions): ApiPromise<void> {
    const params = { project_id: projectId };
    return this.#http.request("delete", "/api/v1/projects/{project_id}/transfer", { params }, options);
  }

  /** The project is the caller's from now on. Its API keys are revoked: make new ones. */
  accept(projectId: string, options?: RequestOptions): ApiPromise<Schema<"Project">> {
    const params = { project_id: projectId };
    return this.#http.request("post", "/api/v1/projects/{project_id}/transfer/accept", { params }, options);
  }
}
