type Json = Record<string, unknown>;

const storagePrefix = "/storage/v1";

/** Adds `signedURL` and `url`, relative to the URL of Storage, as in answers of Supabase Storage. */
export async function withStorageNames(path: string, answer: Response): Promise<Response> {
  if (!answer.ok) return answer;
  const body = (await answer.json()) as Json | Json[];
  const field = path.startsWith(`${storagePrefix}/object/upload/`) ? "url" : "signedURL";
  const renamed = Array.isArray(body) ? body.map((item) => rename(item, field)) : rename(body, field);
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  return new Response(JSON.stringify(renamed), { status: answer.status, headers });
}

function rename({ signedUrl, ...rest }: Json, field: string): Json {
  const link =
    typeof signedUrl === "string" && signedUrl !== "" ? signedUrl.replace(storagePrefix, "") : null;
  return { ...rest, [field]: link };
}

/** The headers of a stored object. No browser may show it as a page, or name a download after the path. */
export function fileHeaders({ pathname, searchParams }: URL): Record<string, string> {
  const asked = searchParams.get("download");
  const name = (asked || pathname.split("/").at(-1) || "file").replace(/[^\w.-]/g, "_").slice(-100);
  return {
    "x-content-type-options": "nosniff",
    "content-disposition": `${asked === null ? "inline" : "attachment"}; filename="${name}"`,
  };
}

/** Adds a bucket's id, which equals its name. The CLI and older clients send only the name. */
export function withBucketId(text: string): string {
  try {
    const bucket = JSON.parse(text) as { id?: string; name?: string };
    return JSON.stringify({ ...bucket, id: bucket.id ?? bucket.name });
  } catch {
    return text;
  }
}
