import type { Schema } from "./wire.ts";

export type Generation = Schema<"Generation">;
export type CompletedGeneration = Generation & { status: "completed"; generated_image_url: string };
/** A generation with a picture or with a reason, depending on its `status`. */
export type FinishedGeneration =
  | CompletedGeneration
  | (Generation & { status: "failed" | "canceled"; error: string });
