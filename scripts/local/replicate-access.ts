import { defaultFileHosts, netPermissions, readFileHosts } from "../../supabase/functions/api/file-hosts.ts";
import { Problem, reasonOf } from "./problem.ts";
import { HOST, LOOKALIKE_TOKEN, LOOKALIKE_WEBHOOK_SECRET, type Ports } from "./settings.ts";

export interface ReplicateAccess {
  /** True when a token of the user is set: then nothing of Replicate runs here. */
  real: boolean;
  /** What the functions get. */
  env: Record<string, string>;
}

const REAL_API = "https://api.replicate.com/v1";
/** Ways out that a network may ask for; only the real service needs them. */
const NETWORK = ["HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "DENO_TLS_CA_STORE", "DENO_CERT"];

/** The real Replicate when `REPLICATE_API_TOKEN` is set, else the look-alike of this stack. */
export function replicateAccess(ports: Ports, user: NodeJS.ProcessEnv): ReplicateAccess {
  const token = user.REPLICATE_API_TOKEN?.trim();
  if (!token) {
    const host = `${HOST}:${ports.replicate}`;
    const env = {
      REPLICATE_API_TOKEN: LOOKALIKE_TOKEN,
      REPLICATE_API_URL: `http://${host}/v1`,
      REPLICATE_WEBHOOK_SECRET: LOOKALIKE_WEBHOOK_SECRET,
      REPLICATE_FILE_HOSTS: host,
    };
    return { real: false, env };
  }
  const api = user.REPLICATE_API_URL?.trim() || REAL_API;
  const env: Record<string, string> = { REPLICATE_API_TOKEN: token, REPLICATE_API_URL: api };
  for (const name of ["REPLICATE_WEBHOOK_SECRET", "REPLICATE_FILE_HOSTS", ...NETWORK]) {
    const value = user[name];
    if (value) env[name] = value;
  }
  return { real: true, env };
}

/** Hosts that the functions may open connections to, from the settings that they get. */
export function replicateHosts(env: Record<string, string>): string[] {
  const api = URL.parse(env.REPLICATE_API_URL ?? REAL_API)?.host;
  if (!api) throw new Problem("REPLICATE_API_URL must be an address such as https://api.replicate.com/v1.");
  try {
    return [api, ...netPermissions(readFileHosts(env.REPLICATE_FILE_HOSTS || defaultFileHosts))];
  } catch (error) {
    throw new Problem(`REPLICATE_FILE_HOSTS: ${reasonOf(error)}.`);
  }
}
