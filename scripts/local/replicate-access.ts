import { defaultFileHosts, netPermissions, readFileHosts } from "../../supabase/functions/api/file-hosts.ts";
import type { Settings } from "./function-settings.ts";
import type { Keys } from "./keys.ts";
import { Problem, reasonOf } from "./problem.ts";
import { loopback, type Ports } from "./settings.ts";

export type ReplicateAccess = {
  /** True if the user's token is set; then no look-alike runs here. */
  real: boolean;
  /** What the functions get. */
  env: Settings;
};

const realApi = "https://api.replicate.com/v1";

/** The real Replicate when `REPLICATE_API_TOKEN` is set, else the look-alike of this stack. */
export function replicateAccess(ports: Ports, keys: Keys, settings: Settings): ReplicateAccess {
  if (settings.REPLICATE_API_TOKEN !== undefined) return { real: true, env: {} };
  const host = `${loopback}:${ports.replicate}`;
  const env = {
    REPLICATE_API_TOKEN: keys.replicate_token,
    REPLICATE_API_URL: `http://${host}/v1`,
    REPLICATE_WEBHOOK_SECRET: keys.replicate_webhook_secret,
    REPLICATE_FILE_HOSTS: host,
  };
  return { real: false, env };
}

/** Hosts that the functions may open connections to, from the settings that they get. */
export function replicateHosts(env: Settings): string[] {
  const api = URL.parse(env.REPLICATE_API_URL ?? realApi)?.host;
  if (!api) throw new Problem("REPLICATE_API_URL must be an address such as https://api.replicate.com/v1.");
  try {
    return [api, ...netPermissions(readFileHosts(env.REPLICATE_FILE_HOSTS || defaultFileHosts))];
  } catch (error) {
    throw new Problem(`REPLICATE_FILE_HOSTS: ${reasonOf(error)}.`);
  }
}
