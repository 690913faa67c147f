import type { Http, RequestOptions } from "../http.ts";
import { List, pageAfter } from "../list.ts";
import type { Body, Query, Schema } from "../wire.ts";

/** The tenants of a developer: each has its own users, keys and pictures. */
export class Projects {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  create(body: Body<"projects.create">, options?: RequestOptions): Promise<Schema<"Project">> {
    return this.#http.request("post", "/api/v1/projects", { body }, options);
  }

  /** Newest first. */
  list(query: Query<"projects.list"> = {}, options?: RequestOptions): List<Schema<"Project">> {
    const { page_size = 50 } = query;
    return List.of(query.page ?? 1, async (page) => {
      const { data, headers } = await this.#http.send(
        "get",
        "/api/v1/projects",
        { query: { ...query, page, page_size } },
        options,
      );
      const total = Number(headers.get("x-total-count"));
      return { items: data, total, next: pageAfter(page, page_size, data.length, total) };
    });
  }

  get(project_id: string, options?: RequestOptions): Promise<Schema<"Project">> {
    return this.#http.request("get", "/api/v1/projects/{project_id}", { params: { project_id } }, options);
  }
}
