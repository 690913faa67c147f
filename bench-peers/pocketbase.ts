import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Row } from "../scripts/bench/compare.ts";
import { type Server, startServer } from "../scripts/bench/servers.ts";
import { reasonOf } from "../scripts/local/problem.ts";
import { loopback } from "../scripts/local/settings.ts";

const run = promisify(execFile);
const version = "v0.36.8";

/** PocketBase as in its releases, built once by this machine's Go. Without it, the reason as a sentence. */
export async function buildPocketBase(folder: string): Promise<{ program: string } | { left_out: string }> {
  const bin = join(folder, `pocketbase-${version}`);
  const program = join(bin, "base");
  if (existsSync(program)) return { program };
  try {
    await run("go", ["install", `github.com/pocketbase/pocketbase/examples/base@${version}`], {
      env: { ...process.env, GOBIN: bin, CGO_ENABLED: "0" },
    });
    return { program };
  } catch (error) {
    const { code, stderr = "" } = error as { code?: unknown; stderr?: string };
    // The lines before the last one list downloads.
    const said = stderr.trim().split("\n").at(-1) || reasonOf(error);
    const reason = code === "ENOENT" ? "there is no `go` in the PATH to build it with" : said;
    return { left_out: `PocketBase is left out: ${reason}` };
  }
}

/** Starts PocketBase with one user and a picture in a temporary folder, and gives the two requests. */
export async function startPocketBase(program: string, port: number): Promise<Server & { rows: Row[] }> {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-bench-pocketbase-"));
  // PocketBase looks for hooks and writes migrations beside this folder, so it is nested.
  const data = `--dir=${join(folder, "data")}`;
  const undo: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const stop = async () => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const superuser = { identity: "superuser@example.com", password: randomUUID() };
    await run(program, ["superuser", "create", superuser.identity, superuser.password, data]);
    const server = await startServer([program, "serve", `--http=${loopback}:${port}`, data], port);
    undo.push(server.stop);
    return { ...server, stop, rows: rowsOf(server, await fill(server.base, superuser)) };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Credentials = { identity: string; password: string };
type Filled = { token: string; user_id: string; picture_id: string };

async function fill(base: string, superuser: Credentials): Promise<Filled> {
  const post = async <Answer>(path: string, body: unknown, token = ""): Promise<Answer> => {
    const response = await fetch(`${base}/api/collections${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: token },
      body: JSON.stringify(body),
    });
    if (!response.ok)
      throw new Error(`PocketBase answered ${path} with ${response.status}: ${await response.text()}`);
    return (await response.json()) as Answer;
  };
  const signIn = async (collection: string, credentials: Credentials) =>
    (await post<{ token: string }>(`/${collection}/auth-with-password`, credentials)).token;

  const admin = await signIn("_superusers", superuser);
  const person = { identity: "bench@example.com", password: randomUUID() };
  const { id: user_id, collectionId } = await post<{ id: string; collectionId: string }>(
    "/users/records",
    { email: person.identity, password: person.password, passwordConfirm: person.password },
    admin,
  );
  await post(
    "",
    {
      name: "pictures",
      type: "base",
      viewRule: "owner = @request.auth.id",
      fields: [
        { name: "owner", type: "relation", collectionId, maxSelect: 1, required: true },
        { name: "status", type: "text", required: true },
      ],
    },
    admin,
  );
  const { id: picture_id } = await post<{ id: string }>(
    "/pictures/records",
    { owner: user_id, status: "completed" },
    admin,
  );
  return { token: await signIn("users", person), user_id, picture_id };
}

function rowsOf({ base, pid }: Server, { token, user_id, picture_id }: Filled): Row[] {
  const row = (name: string, path: string): Row => ({
    scenario: {
      name: `PocketBase: ${name}`,
      requests: [{ path: `/api/collections/${path}`, headers: { Authorization: token } }],
    },
    base,
    function_pid: pid,
  });
  return [row("me", `users/records/${user_id}`), row("status", `pictures/records/${picture_id}`)];
}
