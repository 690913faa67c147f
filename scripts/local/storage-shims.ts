type Json = Record<string, unknown>;

const storagePrefix = "/storage/v1";

/** `signedURL` and `url`, relative to the storage address, as Supabase Storage answers them. */
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

/** The headers of every stored object: no browser may treat it as a page, or name it after the path. */
export function fileHeaders({ pathname, searchParams }: URL): Record<string, string> {
  const asked = searchParams.get("download");
  const name = (asked || pathname.split("/").at(-1) || "file").replace(/[^\w.-]/g, "_").slice(-100);
  return {
    "x-content-type-options": "nosniff",
    "content-disposition": `${asked === null ? "inline" : "attachment"}; filename="${name}"`,
  };
}

/** The CLI and older clients send a bucket's name only; its id is the same. */
export function withBucketId(text: string): string {
  try {
    const bucket = JSON.parse(text) as { id?: string; name?: string };
    return JSON.stringify({ ...bucket, id: bucket.id ?? bucket.name });
  } catch {
    return text;
  }
}
