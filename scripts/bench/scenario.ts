import type { Facts } from "./seed.ts";

export type Request = {
  /** Begins with /api/v1, unless `base` of the scenario is another server's. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
};

/** The requests that are repeated, in turn. */
export type Scenario = {
  name: string;
  requests: Request[];
  method?: "GET" | "POST" | "PATCH";
  /** The expected status; any other one counts as failed. Default 200. */
  status?: number;
  /** At most this many at once. */
  connections?: number;
};

/** Files of scenarios/ export `scenario`, and are listed in scenarios/all.ts. */
export type MakeScenario = (facts: Facts) => Scenario;
