import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { Filter, Page } from "../../fields/page-query.ts";
import type { AllStats, AuditEvents, Project, ProjectChanges, ProjectFields } from "./schemas.ts";

type Listed = { items: Project[]; total: number };

export const createProject = (db: Database, credentials: Credentials, fields: ProjectFields) =>
  db.write<Project>("create_project", [credentials, fields]);

export const getProject = (db: Database, credentials: Credentials, id: string) =>
  db.read<Project>("get_project", [credentials, id]);

export const listProjects = (
  db: Database,
  credentials: Credentials,
  { deleted, search, is_active, page, page_size }: Filter & Page & { deleted: boolean },
) =>
  db.read<Listed>(deleted ? "list_deleted_projects" : "list_projects", [
    credentials,
    search,
    is_active,
    page,
    page_size,
  ]);

export const updateProject = (db: Database, credentials: Credentials, id: string, changes: ProjectChanges) =>
  db.write<Project>("update_project", [credentials, id, changes]);

/** @returns the project's running predictions at Replicate */
export const deleteProject = (db: Database, credentials: Credentials, id: string, purgeDays: number) =>
  db.write<string[]>("delete_project", [credentials, id, purgeDays]);

export const restoreProject = (db: Database, credentials: Credentials, id: string) =>
  db.write<Project>("restore_project", [credentials, id]);

export const setProjectPlan = (db: Database, credentials: Credentials, id: string, planId: string | null) =>
  db.write<Project>("set_project_plan", [credentials, id, planId]);

/** The stats of one project. Null means all projects of the caller. */
export const getProjectStats = (
  db: Database,
  credentials: Credentials,
  projectId: string | null,
  { search, is_active }: Filter,
) => db.read<AllStats>("get_project_stats", [credentials, projectId, search, is_active]);

export const listAuditEvents = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  { resource, action, page, page_size }: Page & { resource: string | null; action: string | null },
) => db.read<AuditEvents>("list_audit_events", [credentials, projectId, resource, action, page, page_size]);
