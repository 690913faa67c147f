import type { DemoCredentials } from "./demo-credentials.ts";
import type { Keys } from "./keys.ts";
import type { Paths, Ports } from "./settings.ts";

export type Stack = {
  urls: {
    gateway: string;
    api: string;
    studio: string;
    inbox: string;
    smtp: string;
    replicate: string | undefined;
  };
  keys: Keys;
  /** As `postgres`, the owner of the schema; not a superuser. */
  database_url: string;
  /** As the superuser, for tests that break things. */
  admin_database_url: string;
  ports: Ports;
  paths: Paths;
  credentials: DemoCredentials;
  /** The processes of the stack by name, for tests that end one. */
  processes: () => { name: string; pid: number }[];
  ready_after_ms: number;
  /** Ends every process and frees every port. */
  stop: () => Promise<void>;
};
