import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { Project, ProjectFields } from "./schemas.ts";

type Page = { search: string | null; is_active: boolean | null; page: number; page_size: number };

export const createProject = (db: Database, credentials: Credentials, fields: ProjectFields) =>
  db.call<Project>("create_project", [credentials, fields]);

export const getProject = (db: Database, credentials: Credentials, id: string) =>
  db.call<Project>("get_project", [credentials, id]);

export const listProjects = (
  db: Database,
  credentials: Credentials,
  { search, is_active, page, page_size }: Page,
) =>
  db.call<{ items: Project[]; total: number }>("list_projects", [
    credentials,
    search,
    is_active,
    page,
    page_size,
  ]);

/** The id of an end user whom the caller manages. */
export const findEndUser = (db: Database, credentials: Credentials, projectId: string, userId: string) =>
  db.call<string>("find_end_user", [credentials, projectId, userId]);
