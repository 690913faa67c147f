import { ApiError, type Client, cookieSession, createClient } from "@devkit4ai/client";
import { cookies } from "next/headers";
import { redirect } from "next/navigation";

/** The API as whoever sent this request: a client of their own, its session in a cookie that scripts cannot read. */
export async function clientOfRequest(): Promise<Client> {
  // First: it tells Next.js that the page cannot be built before there is a request.
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

/**
 * Runs what needs a signed-in person. Without a session, or when it has ended elsewhere, the browser goes to the sign-in page.
 * A Server Component may not delete the cookie: the next sign-in overwrites it.
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
