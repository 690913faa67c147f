import { defaultFileHosts, netPermissions, readFileHosts } from "../../supabase/functions/api/file-hosts.ts";
import type { Settings } from "./function-settings.ts";
import type { Keys } from "./keys.ts";
import { Problem, reasonOf } from "./problem.ts";
import { loopback, type Ports } from "./settings.ts";

/** The settings with which the functions use the look-alike of this stack. */
export function lookAlikeSettings(ports: Ports, keys: Keys): Settings {
  const host = `${loopback}:${ports.replicate}`;
  return {
    REPLICATE_API_TOKEN: keys.replicate_token,
    REPLICATE_API_URL: `http://${host}/v1`,
    REPLICATE_WEBHOOK_SECRET: keys.replicate_webhook_secret,
    REPLICATE_FILE_HOSTS: host,
  };
}

/** The hosts that the functions may connect to, from their settings. */
export function replicateHosts(env: Settings): string[] {
  const api = URL.parse(env.REPLICATE_API_URL ?? "https://api.replicate.com/v1")?.host;
  if (!api) throw new Problem("REPLICATE_API_URL must be an address such as https://api.replicate.com/v1.");
  try {
    return [api, ...netPermissions(readFileHosts(env.REPLICATE_FILE_HOSTS || defaultFileHosts))];
  } catch (error) {
    throw new Problem(`REPLICATE_FILE_HOSTS: ${reasonOf(error)}.`);
  }
}
