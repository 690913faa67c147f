import { type Check, fail, ok, warn } from "./check.ts";
import { fixes } from "./fixes.ts";
import { ask } from "./target.ts";

const names = ["uploads", "generations"];

/** Pictures are read through the API alone, so a public bucket would give them to anybody. */
export const checkBuckets: Check = async ({ kind, supabase_url, secret_key }) => {
  if (secret_key === undefined)
    return [warn("buckets", "not looked at", "set CLOUD_API_SECRET_KEY to the project's secret key")];
  const headers = { apikey: secret_key, Authorization: `Bearer ${secret_key}` };
  const { status, body, reason } = await ask(`${supabase_url}/storage/v1/bucket`, { headers });
  if (status !== 200 || !Array.isArray(body))
    return [fail("buckets", `Storage: ${reason}`, "look at CLOUD_API_SECRET_KEY and at Storage")];
  const buckets = body as { id: string; public: boolean }[];
  const missing = names.filter((name) => !buckets.some(({ id }) => id === name));
  const open = buckets.filter(({ id, public: isPublic }) => names.includes(id) && isPublic);
  if (missing.length > 0)
    return [
      fail("buckets", `${missing.join(", ")} missing`, `${fixes.schema[kind]}: a migration makes them`),
    ];
  if (open.length > 0)
    return open.map(({ id }) =>
      fail(
        "buckets",
        `${id} is public: whoever guesses a path reads its pictures`,
        `in SQL: update storage.buckets set public = false where id = '${id}'`,
      ),
    );
  return [ok("buckets", "both are there and private")];
};
