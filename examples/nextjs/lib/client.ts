import { ApiError, type Client, cookieSession, createClient } from "@devkit4ai/client";
import { cookies } from "next/headers";
import { redirect } from "next/navigation";

/** A client for the user of this request. Its session is in a cookie that scripts cannot read. */
export async function clientOfRequest(): Promise<Client> {
  // Comes first, so that Next.js renders the page only for a request and not at build time.
  const jar = await cookies();
  const { NEXT_PUBLIC_API_URL, DEVKIT4AI_DEVELOPER_KEY, DEVKIT4AI_PROJECT_ID, DEVKIT4AI_PROJECT_KEY } =
    process.env;
  if (!NEXT_PUBLIC_API_URL) throw new Error("Save the .env that `npm start` prints as .env.local.");
  return createClient({
    url: NEXT_PUBLIC_API_URL,
    developerKey: DEVKIT4AI_DEVELOPER_KEY,
    projectId: DEVKIT4AI_PROJECT_ID,
    apiKey: DEVKIT4AI_PROJECT_KEY,
    session: cookieSession(jar),
  });
}

/** Runs `act` for a signed-in user. If there is no session or it has ended, redirects to the sign-in page. A Server Component cannot delete the cookie; the next sign-in overwrites it.
 */
export async function asPerson<T>(act: (client: Client) => Promise<T>): Promise<T> {
  const client = await clientOfRequest();
  if ((await client.auth.session()) === null) redirect("/");
  try {
    return await act(client);
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) redirect("/");
    throw error;
  }
}
