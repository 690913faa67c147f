import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { Filter, Page } from "../../fields/page-query.ts";
import type { ProjectUser, ProjectUserChanges, ProjectUsers } from "./schemas.ts";

/** The id of an end user, if the caller manages that user. */
export const requireEndUser = (db: Database, credentials: Credentials, projectId: string, userId: string) =>
  db.read<string>("require_end_user", [credentials, projectId, userId]);

/** The users of one project. Null means all projects of the caller. */
export const listProjectUsers = (
  db: Database,
  credentials: Credentials,
  projectId: string | null,
  { search, is_active, page, page_size }: Filter & Page,
) =>
  db.read<ProjectUsers>("list_project_users", [credentials, projectId, search, is_active, page, page_size]);

export const updateProjectUser = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  userId: string,
  changes: ProjectUserChanges,
) => db.write<ProjectUser>("update_project_user", [credentials, projectId, userId, changes]);
