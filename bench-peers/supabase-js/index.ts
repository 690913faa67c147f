// A status endpoint as tutorials write it, with three awaited calls of supabase-js: the user, the key, the row. A second
// endpoint reads only the row.
import process from "node:process";
import { createClient } from "@supabase/supabase-js";

const url = process.env.SUPABASE_URL ?? "";
const publishable = process.env.SUPABASE_PUBLISHABLE_KEY ?? "";
const options = { auth: { persistSession: false, autoRefreshToken: false } };
const admin = createClient(url, process.env.SUPABASE_SECRET_KEY ?? "", options);

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const id = pathname.split("/").at(-1) ?? "";
    const authorization = request.headers.get("authorization") ?? "";
    const supabase = createClient(url, publishable, {
      ...options,
      global: { headers: { Authorization: authorization } },
    });
    if (pathname.startsWith("/three/")) {
      const { data: caller } = await supabase.auth.getUser(authorization.slice("Bearer ".length));
      if (caller.user === null) return Response.json({ error: "unauthorized" }, { status: 401 });
      const prefix = (request.headers.get("x-api-key") ?? "").slice(0, 8);
      const { data: key } = await admin
        .from("api_keys")
        .select("project_id, revoked_at")
        .eq("key_prefix", prefix)
        .eq("project_id", request.headers.get("x-project-id") ?? "")
        .maybeSingle();
      if (key === null || key.revoked_at !== null)
        return Response.json({ error: "forbidden" }, { status: 403 });
    }
    const { data, error } = await supabase
      .from("generations")
      .select("id, status, instructions, outputs, is_public, created_at, updated_at, completed_at")
      .eq("id", id)
      .maybeSingle();
    if (error !== null) return Response.json({ error: error.message }, { status: 500 });
    return data === null ? Response.json({ error: "not found" }, { status: 404 }) : Response.json(data);
  },
};
