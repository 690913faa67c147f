/** The tokens in an answer of Auth. */
export type Session = {
  access_token: string;
  refresh_token: string;
};

/** The answer with other tokens, in its body or in the URL of its redirect. */
export async function withSession(
  answer: Response,
  change: (session: Session) => Promise<Session>,
): Promise<Response> {
  const location = answer.headers.get("location");
  if (location !== null) {
    const fragment = new URLSearchParams(location.split("#")[1] ?? "");
    const found = sessionOf(Object.fromEntries(fragment));
    if (found === undefined) return answer;
    for (const [name, value] of Object.entries(await change(found))) fragment.set(name, value);
    const headers = new Headers(answer.headers);
    headers.set("location", `${location.split("#")[0]}#${fragment}`);
    return new Response(answer.body, { status: answer.status, headers });
  }
  if (!answer.ok || answer.body === null || !answer.headers.get("content-type")?.includes("json"))
    return answer;
  const body = (await answer.json()) as Record<string, unknown> | null;
  const found = sessionOf(body ?? {});
  const headers = new Headers(answer.headers);
  headers.delete("content-length");
  const changed = found === undefined ? body : { ...body, ...(await change(found)) };
  return new Response(JSON.stringify(changed), { status: answer.status, headers });
}

function sessionOf({ access_token, refresh_token }: Record<string, unknown>): Session | undefined {
  if (typeof access_token !== "string" || typeof refresh_token !== "string") return undefined;
  return { access_token, refresh_token };
}
