import type { Schema } from "./wire.ts";

export type Generation = Schema<"Generation">;
export type CompletedGeneration = Generation & { status: "completed"; generated_image_url: string };
/** `status` tells which: one with a picture, or one with a reason. */
export type FinishedGeneration =
  | CompletedGeneration
  | (Generation & { status: "failed" | "canceled"; error: string });
