import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import type { Body, Schema } from "../wire.ts";

/** Transfers of projects: the owner offers a project, and another developer accepts it. */
export class Transfers {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Offers the project to an email address for seven days. The owner's password is required. A newer offer replaces it.
   * @throws ApiError wrong_password, transfer_to_owner, attempts_exceeded, mail_limit_exceeded
   */
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

  /** The offers to the caller, newest first. */
  list(options?: RequestOptions): ApiPromise<Schema<"ProjectTransfer">[]> {
    return this.#http.request("get", "/api/v1/projects/transfers", {}, options);
  }

  /**
   * The open offer of a project, for its owner and the receiver.
   * @throws ApiError transfer_not_found
   */
  get(projectId: string, options?: RequestOptions): ApiPromise<Schema<"ProjectTransfer">> {
    const params = { project_id: projectId };
    return this.#http.request("get", "/api/v1/projects/{project_id}/transfer", { params }, options);
  }

  /**
   * Withdraws the offer as the owner, or declines it as the receiver.
   * @throws ApiError transfer_not_found
   */
  end(projectId: string, options?: RequestOptions): ApiPromise<void> {
    const params = { project_id: projectId };
    return this.#http.request("delete", "/api/v1/projects/{project_id}/transfer", { params }, options);
  }

  /**
   * Makes the caller the owner. The project's API keys are revoked, so create new ones.
   * @throws ApiError transfer_not_found, project_limit_reached
   */
  accept(projectId: string, options?: RequestOptions): ApiPromise<Schema<"Project">> {
    const params = { project_id: projectId };
    return this.#http.request("post", "/api/v1/projects/{project_id}/transfer/accept", { params }, options);
  }
}
