import { createHash } from "node:crypto";
import { CopyError, type CopyFault } from "../../../clients/fetch-file.ts";
import type { StoredFile } from "../../../clients/storage.ts";
import type { Deps } from "../../../context.ts";
import type { ImageReading } from "../files/image-probe.ts";
import { extensionOf, readImage } from "../files/image-type.ts";
import type { Work } from "../store.ts";
import { ByteBudget } from "./byte-budget.ts";
import type { Failure, FailureCode } from "./failures.ts";

const maxOutputBytes = 25 * 1024 * 1024;
/** The memory of results during their copy: two of the largest. */
const copies = new ByteBudget(2 * maxOutputBytes);

/** A temporary fault. `code_when_late` is the generation's code when no time is left. */
export class PassingFault extends Error {
  readonly code_when_late: FailureCode;

  constructor(code: FailureCode, cause: unknown) {
    super("a result could not be copied yet", { cause });
    this.code_when_late = code;
  }
}

const codes: Record<Exclude<CopyFault, "unavailable">, FailureCode> = {
  gone: "output_lost",
  refused: "output_lost",
  too_large: "output_invalid",
  not_allowed: "output_not_allowed",
};

/**
 * Copies one result into Storage.
 * @returns the stored file, or the permanent failure @throws PassingFault for a temporary fault
 */
export async function storeOutput(
  deps: Deps,
  work: Work,
  address: string,
  index: number,
): Promise<StoredFile | Failure> {
  const release = await copies.take(maxOutputBytes);
  try {
    return await copyOutput(deps, work, await deps.replicate.download(address, maxOutputBytes), index);
  } catch (error) {
    if (error instanceof PassingFault) throw error;
    if (!(error instanceof CopyError) || error.fault === "unavailable")
      throw new PassingFault("output_lost", error);
    deps.log("warn", "a result cannot be copied", { generation_id: work.id, cause: error });
    return { code: codes[error.fault] };
  } finally {
    release();
  }
}

async function copyOutput(
  deps: Deps,
  work: Work,
  body: Uint8Array,
  index: number,
): Promise<StoredFile | Failure> {
  const reading = readImage(body);
  if (reading.kind !== "image") return failureOf(reading);
  const { content_type, width, height } = reading;
  const type = { content_type, width, height };
  const path = `${work.project_id ?? "anonymous"}/${work.id}/${index}.${extensionOf(type.content_type)}`;
  try {
    await deps.storage.upload("generations", path, body, type.content_type);
  } catch (error) {
    throw new PassingFault("output_not_stored", error);
  }
  return { ...type, path, bytes: body.byteLength, sha256: createHash("sha256").update(body).digest("hex") };
}

/** The failure of a result that is not a supported picture. A known format is named. */
function failureOf(reading: ImageReading): Failure {
  if (reading.kind !== "other" || reading.name === null) return { code: "output_invalid" };
  const error = `The model returned ${reading.name}, but only JPEG, PNG and WebP can be stored. The generation was not charged.`;
  return { code: "output_unsupported", error };
}
