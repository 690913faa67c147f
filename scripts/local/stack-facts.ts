import type { DemoCredentials } from "./demo-credentials.ts";
import type { Keys } from "./keys.ts";
import { loopback, type Paths, type Ports } from "./settings.ts";

export function urlsOf(ports: Ports, isReplicateReal: boolean) {
  const gateway = `http://${loopback}:${ports.gateway}`;
  return {
    gateway,
    api: `${gateway}/api/v1`,
    studio: `http://${loopback}:${ports.studio}`,
    inbox: `http://${loopback}:${ports.inbox}`,
    smtp: `smtp://${loopback}:${ports.smtp}`,
    replicate: isReplicateReal ? undefined : `http://${loopback}:${ports.replicate}`,
  };
}

export type Stack = {
  urls: ReturnType<typeof urlsOf>;
  keys: Keys;
  /** The URL of `postgres`, the owner of the schema, which is not a superuser. */
  database_url: string;
  /** The URL of the superuser, for tests that cause faults. */
  admin_database_url: string;
  ports: Ports;
  paths: Paths;
  credentials: DemoCredentials;
  /** The processes of the stack by name, for tests that kill one. */
  processes: () => { name: string; pid: number }[];
  ready_after_ms: number;
  /** Ends every process and frees every port. */
  stop: () => Promise<void>;
};
