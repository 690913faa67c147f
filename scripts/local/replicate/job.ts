import type { Prediction } from "replicate";
import type { Entry } from "./faults.ts";
import type { Model } from "./models.ts";

/** A prediction with what the server knows about it. */
export type Job = {
  prediction: Prediction;
  model: Model;
  prompt: string;
  faults: Entry[];
  abort: AbortController;
  /** Settles when the prediction is terminal. */
  ended: Promise<void>;
  end: () => void;
};
