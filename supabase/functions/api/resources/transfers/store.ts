import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { Project } from "../projects/schemas.ts";
import type { Transfer } from "./schemas.ts";

export const offerProject = (db: Database, credentials: Credentials, id: string, email: string) =>
  db.write<Transfer>("offer_project", [credentials, id, email]);

export const listTransfers = (db: Database, credentials: Credentials) =>
  db.read<Transfer[]>("list_project_transfers", [credentials]);

export const getTransfer = (db: Database, credentials: Credentials, id: string) =>
  db.read<Transfer>("get_project_transfer", [credentials, id]);

export const endTransfer = (db: Database, credentials: Credentials, id: string) =>
  db.write<null>("end_project_transfer", [credentials, id]);

export const acceptProject = (db: Database, credentials: Credentials, id: string) =>
  db.write<Project>("accept_project", [credentials, id]);
