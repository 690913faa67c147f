import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import type { Body, Query, Schema } from "../wire.ts";

/** The end users of the caller's projects. */
export class Users {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** The end users of a project, newest first. */
  list(
    projectId: string,
    query: Query<"users.list"> = {},
    options?: RequestOptions,
  ): List<Schema<"ProjectUser">> {
    return List.numbered(query, async (page) => {
      const sent = { params: { project_id: projectId }, query: { ...query, ...page } };
      const { users, total } = await this.#http.request(
        "get",
        "/api/v1/projects/{project_id}/users",
        sent,
        options,
      );
      return { items: users, total };
    });
  }

  /** The end users of all projects of the caller, newest first. */
  listAll(query: Query<"users.listAll"> = {}, options?: RequestOptions): List<Schema<"ProjectUser">> {
    return List.numbered(query, async (page) => {
      const sent = { query: { ...query, ...page } };
      const { users, total } = await this.#http.request("get", "/api/v1/projects/users", sent, options);
      return { items: users, total };
    });
  }

  /**
   * Deactivates an account with `{ is_active: false }`, activates it again, or sets its own limits.
   * @throws ApiError account_suspended
   */
  update(
    projectId: string,
    userId: string,
    body: Body<"users.update">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"ProjectUser">> {
    const sent = { params: { project_id: projectId, user_id: userId }, body };
    return this.#http.request("patch", "/api/v1/projects/{project_id}/users/{user_id}", sent, options);
  }

  /** Deletes an account and its data permanently. */
  delete(projectId: string, userId: string, options?: RequestOptions): ApiPromise<void> {
    const sent = { params: { project_id: projectId, user_id: userId } };
    return this.#http.request("delete", "/api/v1/projects/{project_id}/users/{user_id}", sent, options);
  }
}
