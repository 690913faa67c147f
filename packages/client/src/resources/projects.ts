import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import type { Body, Query, Schema } from "../wire.ts";

const one = "/api/v1/projects/{project_id}";
type Project = Schema<"Project">;

/** The tenants of a developer: each has its own users, keys and pictures. */
export class Projects {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Creates a project of the signed-in developer.
   * @throws ApiError project_limit_reached
   */
  create(body: Body<"projects.create">, options?: RequestOptions): ApiPromise<Project> {
    return this.#http.request("post", "/api/v1/projects", { body }, options);
  }

  /** The caller's projects, newest first. With `deleted: true`, those that `restore` can restore. */
  list(query: Query<"projects.list"> = {}, options?: RequestOptions): List<Project> {
    return List.numbered(query, async (page) => {
      const sent = { query: { ...query, ...page } };
      const { data, headers } = await this.#http.send("get", "/api/v1/projects", sent, options);
      return { items: data, total: Number(headers.get("x-total-count")) };
    });
  }

  /**
   * One project.
   * @throws ApiError project_not_found
   */
  get(projectId: string, options?: RequestOptions): ApiPromise<Project> {
    return this.#http.request("get", one, { params: { project_id: projectId } }, options);
  }

  /**
   * Changes only the given fields.
   * @throws ApiError project_suspended
   */
  update(projectId: string, body: Body<"projects.update">, options?: RequestOptions): ApiPromise<Project> {
    return this.#http.request("patch", one, { params: { project_id: projectId }, body }, options);
  }

  /** The same as `update`, for programs that use PUT. */
  replace(projectId: string, body: Body<"projects.replace">, options?: RequestOptions): ApiPromise<Project> {
    return this.#http.request("put", one, { params: { project_id: projectId }, body }, options);
  }

  /** Deletes a project with its users, keys, generations and pictures. `restore` undoes it within the restore window. */
  delete(projectId: string, options?: RequestOptions): ApiPromise<void> {
    return this.#http.request("delete", one, { params: { project_id: projectId } }, options);
  }

  /**
   * Restores a deleted project with all its data.
   * @throws ApiError restore_window_over, project_limit_reached, project_suspended
   */
  restore(projectId: string, options?: RequestOptions): ApiPromise<Project> {
    return this.#http.request("post", `${one}/restore`, { params: { project_id: projectId } }, options);
  }

  /**
   * Sets the plan of a project. Null means the owner's plan. Only for operators.
   * @throws ApiError plan_not_found, operators_only
   */
  setPlan(projectId: string, body: Body<"projects.setPlan">, options?: RequestOptions): ApiPromise<Project> {
    return this.#http.request("patch", `${one}/plan`, { params: { project_id: projectId }, body }, options);
  }

  /** The numbers of end users and API keys of a project, in total and active. */
  stats(
    projectId: string,
    query: Query<"projects.stats"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"ProjectStats">> {
    return this.#http.request("get", `${one}/stats`, { params: { project_id: projectId }, query }, options);
  }

  /** The same numbers for all projects of the caller, and the number of projects. */
  globalStats(
    query: Query<"projects.globalStats"> = {},
    options?: RequestOptions,
  ): ApiPromise<Schema<"GlobalStats">> {
    return this.#http.request("get", "/api/v1/projects/stats", { query }, options);
  }

  /** Renders a mail of the project with saved or unsaved settings. It sends nothing. */
  previewMail(
    projectId: string,
    body: Body<"projects.previewMail">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"WrittenMail">> {
    return this.#http.request(
      "post",
      `${one}/mail/preview`,
      { params: { project_id: projectId }, body },
      options,
    );
  }

  /**
   * Sends a mail of the project to the caller, whose address must be verified. At most one a minute.
   * @throws ApiError account_not_verified, mail_limit_exceeded
   */
  testMail(
    projectId: string,
    body: Body<"projects.testMail">,
    options?: RequestOptions,
  ): ApiPromise<Schema<"SentTestMail">> {
    return this.#http.request(
      "post",
      `${one}/mail/test`,
      { params: { project_id: projectId }, body },
      options,
    );
  }

  /** The changes of the project and their authors, newest first. */
  audit(
    projectId: string,
    query: Query<"projects.audit"> = {},
    options?: RequestOptions,
  ): List<Schema<"AuditEvent">> {
    return List.numbered(query, async (page) => {
      const sent = { params: { project_id: projectId }, query: { ...query, ...page } };
      const { events, total } = await this.#http.request("get", `${one}/audit`, sent, options);
      return { items: events, total };
    });
  }
}
