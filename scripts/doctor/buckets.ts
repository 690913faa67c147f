import { type Check, fail, ok, warn } from "./check.ts";
import { ask } from "./target.ts";

const names = ["uploads", "generations"];
/** Creates them, private and with their limits, once Storage has its tables. */
const make = "in SQL: select private.ensure_buckets()";

/** Pictures are read through the API alone, so a public bucket would give them to anybody. */
export const checkBuckets: Check = async ({ supabase_url, secret_key }) => {
  if (secret_key === undefined)
    return [warn("buckets", "not looked at", "set CLOUD_API_SECRET_KEY to the project's secret key")];
  const headers = { apikey: secret_key, Authorization: `Bearer ${secret_key}` };
  const { status, body, reason } = await ask(`${supabase_url}/storage/v1/bucket`, { headers });
  if (status !== 200 || !Array.isArray(body))
    return [fail("buckets", `Storage: ${reason}`, "look at CLOUD_API_SECRET_KEY and at Storage")];
  const buckets = body as { id: string; public: boolean; file_size_limit?: number | null }[];
  const missing = names.filter((name) => !buckets.some(({ id }) => id === name));
  const open = buckets.filter(({ id, public: isPublic }) => names.includes(id) && isPublic);
  if (missing.length > 0) return [fail("buckets", `${missing.join(", ")} missing`, make)];
  if (open.length > 0)
    return open.map(({ id }) =>
      fail("buckets", `${id} is public: whoever guesses a path reads its pictures`, make),
    );
  // Absent if Storage does not say it.
  const unlimited = buckets.filter(
    ({ id, file_size_limit }) => names.includes(id) && file_size_limit === null,
  );
  if (unlimited.length > 0)
    return [fail("buckets", `${unlimited.map(({ id }) => id).join(", ")} takes files of any size`, make)];
  return [ok("buckets", "both are there and private")];
};
