/** What is there before the first request: a developer's project, an end user of it, and one finished generation. */
export interface Seed {
  project_id: string;
  generation_id: string;
  developer_token: string;
  /** Names the app: developer key, project id and API key. */
  app_headers: Record<string, string>;
  access_token: string;
}

/** One request, sent over and over. `path` begins with /api/v1. */
export interface Scenario {
  name: string;
  path: string;
  method?: "GET" | "POST" | "PATCH";
  headers?: Record<string, string>;
  body?: string;
}

/** Files of scenarios/ export `scenario`, and are listed in run.ts. */
export type MakeScenario = (seed: Seed) => Scenario;
