// Makes Auth count sign-ins by the address that the API sends, which identifies an account. The CLI has no command for
// this setting.
import { pathToFileURL } from "node:url";
import { runMain } from "../local/command-line.ts";
import { Problem, reasonOf } from "../local/problem.ts";

const api = "https://api.supabase.com";
const timeoutMs = 30_000;

/** https://supabase.com/docs/guides/auth/rate-limits @throws Problem when the platform refuses */
export async function forwardAddresses(
  projectRef: string,
  token: string | undefined,
  fetcher: typeof fetch = fetch,
): Promise<string> {
  const setting = { security_sb_forwarded_for_enabled: true };
  const address = `${api}/v1/projects/${projectRef}/config/auth`;
  if (!token)
    return `Not done, since SUPABASE_ACCESS_TOKEN is not set. Without it, at most thirty people of all your apps can sign in at once.
  curl -X PATCH ${address} -H "Authorization: Bearer <access token>" --json '${JSON.stringify(setting)}'`;
  const answer = await fetcher(address, {
    method: "PATCH",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(setting),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new Problem(`${address} did not answer: ${reasonOf(error)}`);
  });
  await answer.body?.cancel();
  if (!answer.ok) throw new Problem(`${address} answered ${answer.status}.`);
  return "Auth now counts sign-ins by the address that the API sends.";
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await runMain(
    async () => console.log(await forwardAddresses(process.argv[2] ?? "", process.env.SUPABASE_ACCESS_TOKEN)),
    "The setting could not be changed",
  );
