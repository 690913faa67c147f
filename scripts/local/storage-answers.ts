/**
 * Supabase Storage answers a signed address as `signedURL` below `/storage/v1` (uploads as `url`), which is what supabase-js reads;
 * lite answers `signedUrl` with the prefix.
 */
export async function likeSupabaseStorage(path: string, response: Response): Promise<Response> {
  if (!response.ok || !/^\/storage\/v1\/object\/(upload\/)?sign\//.test(path)) return response;
  if (!response.headers.get("content-type")?.includes("json")) return response;
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  const body: unknown = await response.json();
  const answer = Array.isArray(body) ? body.map(rename) : rename(body);
  return new Response(JSON.stringify(answer), { status: response.status, headers });
}

function rename(entry: unknown): unknown {
  const { signedUrl, ...rest } = entry as { signedUrl?: string };
  if (signedUrl === undefined) return entry;
  const address = signedUrl.replace(/^\/storage\/v1/, "");
  return address.startsWith("/object/upload/")
    ? { ...rest, url: address }
    : { ...rest, signedURL: address || null };
}
