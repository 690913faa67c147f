import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import type { Body, Query, Schema } from "../wire.ts";

/** The end users of projects, for those who run them. */
export class Users {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** Newest first. */
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

  /** Of all projects that the caller runs. */
  listAll(query: Query<"users.listAll"> = {}, options?: RequestOptions): List<Schema<"ProjectUser">> {
    return List.numbered(query, async (page) => {
      const sent = { query: { ...query, ...page } };
      const { users, total } = await this.#http.request("get", "/api/v1/projects/users", sent, options);
      return { items: users, total };
    });
  }

  /** Closes an account with `{ is_active: false }`, opens it again, or grants it other limits than the project gives everybody. */
  update(
    projectId: string,
    userId: string,
    body: Body<"users.update">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"ProjectUser">> {
    const sent = { params: { project_id: projectId, user_id: userId }, body };
    return this.#http.request("patch", "/api/v1/projects/{project_id}/users/{user_id}", sent, options);
  }

  /** Deletes an account for good, and what belongs to it. */
  delete(projectId: string, userId: string, options?: RequestOptions): ApiPromise<void> {
    const sent = { params: { project_id: projectId, user_id: userId } };
    return this.#http.request("delete", "/api/v1/projects/{project_id}/users/{user_id}", sent, options);
  }
}
