import type { Facts } from "./seed.ts";

export interface Request {
  /** Begins with /api/v1, unless `base` of the scenario is another server's. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** What is sent over and over: its requests take turns. */
export interface Scenario {
  name: string;
  requests: Request[];
  method?: "GET" | "POST" | "PATCH";
  /** The answer that is right; any other one counts as failed. Default 200. */
  status?: number;
  /** At most this many at once. */
  connections?: number;
}

/** Files of scenarios/ export `scenario`, and are listed in scenarios/all.ts. */
export type MakeScenario = (facts: Facts) => Scenario;
