import type { Database } from "../../clients/database.ts";
import type { StoredFile } from "../../clients/storage.ts";
import type { Credentials } from "../../context.ts";
import type { FailureCode } from "./failures.ts";
import type { Options } from "./models.ts";
import type { Generation } from "./schemas.ts";

/** A generation as the database gives it: files are paths. */
export type GenerationRow = Omit<Generation, "generated_image_url" | "images" | "example_images"> & {
  example_images: StoredFile[];
  outputs: StoredFile[];
};
export type NewGeneration = {
  id: string;
  instructions: string;
  model: string;
  options: Options;
  example_images: StoredFile[];
  is_public: boolean;
};
export type ClaimedSubmission = Pick<
  NewGeneration,
  "id" | "instructions" | "model" | "options" | "example_images"
> & { attempt: number };
export type Work = {
  id: string;
  project_id: string | null;
  status: Generation["status"];
  submission: "waiting" | "submitting" | "unclear" | "accepted";
  prediction_id: string | null;
  submitted_at: string | null;
  created_at: string;
};
export type FileKind = "output" | "example";
type Caller = { user_id: string; role: string; project_id: string };

export const checkCaller = (db: Database, credentials: Credentials) =>
  db.call<Caller>("check_credentials", [credentials, "generation"]);

export const createGeneration = (db: Database, credentials: Credentials, generation: NewGeneration) =>
  db.call<GenerationRow>("create_generation", [credentials, generation]);

export const getGenerationStatus = (db: Database, credentials: Credentials, id: string) =>
  db.call<GenerationRow>("get_generation_status", [credentials, id]);

export const getGenerationFile = (
  db: Database,
  credentials: Credentials,
  id: string,
  kind: FileKind,
  index: number,
  hasTicket: boolean,
) => db.call<StoredFile>("get_generation_file", [credentials, id, kind, index, hasTicket]);

export const claimSubmission = (db: Database, id: string, leaseSeconds: number) =>
  db.call<ClaimedSubmission | null>("claim_submission", [id, leaseSeconds]);

export const recordSubmission = (db: Database, id: string, predictionId: string) =>
  db.call<boolean>("record_submission", [id, predictionId]);

export const releaseSubmission = (
  db: Database,
  id: string,
  outcome: "waiting" | "unclear",
  waitSeconds: number,
) => db.call<null>("release_submission", [id, outcome, waitSeconds]);

export const takeWebhook = (db: Database, id: string, webhookId: string) =>
  db.call<boolean>("take_webhook", [id, webhookId]);

export const findWork = (db: Database, id: string) => db.call<Work | null>("find_work", [id]);

export const claimDueGenerations = (db: Database, batchSize: number) =>
  db.call<Work[]>("claim_due_generations", [batchSize]);

export const completeGeneration = (
  db: Database,
  id: string,
  outputs: StoredFile[],
  predictSeconds: number | null,
) => db.call<boolean>("complete_generation", [id, outputs, predictSeconds]);

export const failGeneration = (
  db: Database,
  id: string,
  code: FailureCode,
  error: string,
  status: "failed" | "canceled",
) => db.call<boolean>("fail_generation", [id, code, error, status]);
