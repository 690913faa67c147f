import type { Database } from "../../clients/database.ts";
import type { HotRead } from "../../clients/hot-reads.ts";
import type { StoredFile } from "../../clients/storage.ts";
import type { Credentials } from "../../context.ts";
import type { Options } from "./input/model-input.ts";
import type { FailureCode } from "./pipeline/failures.ts";
import type { Generation, Usage } from "./schemas.ts";

/** A generation as the database returns it, with paths of files. */
export type GenerationRow = Omit<Generation, "generated_image_url" | "images" | "example_images"> & {
  example_images: StoredFile[];
  outputs: StoredFile[];
  link_version: number;
};
type NewGeneration = {
  id: string;
  instructions: string;
  model: string;
  /** True when the caller chose the model. The plan must then allow it. */
  model_requested: boolean;
  options: Options;
  example_images: StoredFile[];
  upload_ids: string[];
  is_public: boolean;
  idempotency_key: string | null;
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
export type Upload = { id: string; path: string };
export type CleanupTask = {
  id: number;
  kind: "uploads" | "generations" | "prediction" | "submission";
  target: string;
  generation_id: string;
};
export type Position = { created_at: string; id: string };
export type PageRequest = {
  page: number;
  page_size: number;
  after: (Position & { total: number | null }) | null;
};
export type Page = { total: number; generations: GenerationRow[] };
export type AnonymousLimits = { per_client: number; everybody: number; result_seconds: number };
export type IdempotentRequest = {
  operation: string;
  key: string;
  fingerprint: string;
  generation_id: string;
};
type Begun = { state: "started" | "running" } | { state: "done"; response: GenerationRow };
export type Caller = { user_id: string; role: string; project_id: string };

export const checkCaller = (db: Database, credentials: Credentials) =>
  db.read<Caller>("check_credentials", [credentials, "generation"]);

export const createGeneration = (db: Database, credentials: Credentials, generation: NewGeneration) =>
  db.write<GenerationRow>("create_generation", [credentials, generation]);

/** Begins an idempotent create for a caller that `checkCaller` has returned. */
export const beginIdempotent = (db: Database, { project_id, user_id }: Caller, request: IdempotentRequest) =>
  db.write<Begun>("begin_idempotent", [project_id, user_id, request]);

export const releaseIdempotent = (db: Database, generationId: string) =>
  db.write<null>("release_idempotent", [generationId]);

export const checkAnonymous = (
  db: Database,
  credentials: Credentials,
  client: string,
  limits: AnonymousLimits,
) => db.read<null>("check_anonymous", [credentials, client, limits]);

export const countRefusedUpload = (db: Database, client: string) =>
  db.write<null>("count_refused_upload", [client]);

export const createAnonymousGeneration = (
  db: Database,
  client: string,
  limits: AnonymousLimits,
  generation: NewGeneration,
) => db.write<GenerationRow>("create_anonymous_generation", [client, limits, generation]);

export const getAnonymousGeneration = (db: Database, credentials: Credentials, id: string) =>
  db.read<GenerationRow>("get_anonymous_generation", [credentials, id]);

export const createUploads = (db: Database, credentials: Credentials, count: number) =>
  db.write<Upload[]>("create_uploads", [credentials, count]);

export const requireUploads = (db: Database, credentials: Credentials, ids: string[]) =>
  db.read<Upload[]>("require_uploads", [credentials, ids]);

export const ownGeneration: HotRead = {
  name: "own_generation",
  limit: "reads",
  needsKeys: true,
  isShort: true,
  query: `select g.item as result from private.own_generations g
    where g.id = $1 and g.project_id = caller.project_id and g.user_id = caller.user_id`,
};

export const getGenerationStatus = (db: Database, credentials: Credentials, id: string) =>
  db.readHot(ownGeneration, [id], credentials, () =>
    db.read<GenerationRow>("get_generation_status", [credentials, id]),
  );

export const getGenerationUsage = (db: Database, credentials: Credentials) =>
  db.read<Usage>("get_generation_usage", [credentials]);

/** A page of the caller's own list. The list is counted with its first page. */
export function ownPage(kind: "first" | "next", size: number): HotRead {
  const own = "g.project_id = caller.project_id and g.user_id = caller.user_id";
  const [total, before] =
    kind === "first"
      ? [`(select count(*) from private.own_generations g where ${own})`, ""]
      : ["$3::bigint", "and (g.created_at, g.id) < ($1::timestamptz, $2::uuid)"];
  const query = `select json_build_object('total', ${total}, 'generations', (
      select coalesce(json_agg(page.item), '[]') from (
        select g.item from private.own_generations g where ${own} ${before}
        order by g.created_at desc, g.id desc limit ${size + 1}
      ) as page)) as result`;
  return { name: `own_${kind}_page_${size}`, limit: "requests", needsKeys: true, isShort: false, query };
}

/** Statements for the usual page sizes. Postgres would plan a statement with a size parameter each time. */
const ownPages = (kind: "first" | "next") =>
  new Map([10, 20, 50, 100].map((size) => [size, ownPage(kind, size)]));
const ownFirstPages = ownPages("first");
const ownNextPages = ownPages("next");

export function listGenerations(db: Database, credentials: Credentials, request: PageRequest): Promise<Page> {
  const { page, page_size, after } = request;
  const complete = () => db.read<Page>("list_generations", [credentials, ...positionOf(request)]);
  const isFirst = after === null && page === 1;
  const hot = (isFirst ? ownFirstPages : ownNextPages).get(page_size);
  if (hot === undefined || (after === null ? !isFirst : after.total === null)) return complete();
  const args = after === null ? [] : [after.created_at, after.id, after.total];
  return db.readHot(hot, args, credentials, complete);
}

export const listPublicGenerations = (db: Database, credentials: Credentials, request: PageRequest) =>
  db.read<Page>("list_public_generations", [credentials, ...positionOf(request)]);

const positionOf = ({ page, page_size, after }: PageRequest) =>
  [page, page_size, after?.created_at ?? null, after?.id ?? null, after?.total ?? null] as const;

export const publishGeneration = (db: Database, credentials: Credentials, id: string, isPublic: boolean) =>
  db.write<{ id: string; is_public: boolean }>("publish_generation", [credentials, id, isPublic]);

/** The sentences for a refunded and for a charged generation. */
type CancelErrors = { refunded: string; charged: string };
export const cancelGeneration = (db: Database, credentials: Credentials, id: string, errors: CancelErrors) =>
  db.write<GenerationRow>("cancel_generation", [credentials, id, errors]);

export const deleteGeneration = (db: Database, credentials: Credentials, id: string) =>
  db.write<null>("delete_generation", [credentials, id]);

export const getGenerationFile = (
  db: Database,
  credentials: Credentials,
  id: string,
  kind: FileKind,
  index: number,
  linkVersion: number | null,
) => db.read<StoredFile>("get_generation_file", [credentials, id, kind, index, linkVersion]);

export const claimSubmission = (db: Database, id: string, leaseSeconds: number) =>
  db.write<ClaimedSubmission | null>("claim_submission", [id, leaseSeconds]);

export const recordSubmission = (db: Database, id: string, predictionId: string) =>
  db.write<"running" | "unwanted">("record_submission", [id, predictionId]);

export const releaseSubmission = (
  db: Database,
  id: string,
  outcome: "waiting" | "unclear",
  waitSeconds: number,
) => db.write<null>("release_submission", [id, outcome, waitSeconds]);

export const recordWebhook = (db: Database, id: string, webhookId: string) =>
  db.write<"taken" | "seen" | "gone">("record_webhook", [id, webhookId]);

export const getGenerationWork = (db: Database, id: string) =>
  db.read<Work | null>("get_generation_work", [id]);

export type GenerationState = Pick<GenerationRow, "id" | "status"> & {
  prediction_id: string | null;
  /** The time when it began to run. Null when it did not run, or when its history was deleted. */
  processing_at: string | null;
};
export const findGenerationStates = (db: Database, ids: string[]) =>
  db.read<GenerationState[]>("find_generation_states", [ids]);

export const claimDueGenerations = (db: Database, batchSize: number) =>
  db.write<Work[]>("claim_due_generations", [batchSize]);

export const completeGeneration = (
  db: Database,
  id: string,
  outputs: StoredFile[],
  predictSeconds: number | null,
) => db.write<boolean>("complete_generation", [id, outputs, predictSeconds]);

type End = {
  code: FailureCode;
  error: string;
  status: "failed" | "canceled";
  predict_seconds?: number | null;
};
export const failGeneration = (db: Database, id: string, { code, error, status, predict_seconds }: End) =>
  db.write<boolean>("fail_generation", [id, code, error, status, predict_seconds ?? null]);

export const claimCleanupTasks = (db: Database, generationId: string | null, batchSize: number) =>
  db.write<CleanupTask[]>("claim_cleanup_tasks", [generationId, batchSize]);

export const endCleanupTasks = (db: Database, ids: number[]) => db.write<null>("end_cleanup_tasks", [ids]);
