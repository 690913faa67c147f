import type { Prediction } from "replicate";
import type { Entry } from "./faults.ts";
import type { Model } from "./models.ts";

export type Asked = {
  model: Model;
  prompt: string;
  faults: Entry[];
  /** The address under which the caller reached this server. */
  origin: string;
};

/** A prediction with the server's own data about it. */
export type Job = Asked & {
  prediction: Prediction;
  abort: AbortController;
  /** Settles when the prediction is terminal. */
  ended: Promise<void>;
  end: () => void;
};

export type Log = (level: "info" | "error", message: string, fields?: Record<string, unknown>) => void;
