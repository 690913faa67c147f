import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";
import type { Sample } from "./schemas.ts";

/** Queues a test mail to the caller. @returns the caller's address */
export const sendMailTest = (
  db: Database,
  credentials: Credentials,
  projectId: string,
  { kind, mail = {} }: Sample,
) => db.write<string>("send_mail_test", [credentials, projectId, kind, mail]);
