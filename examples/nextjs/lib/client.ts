import { type Client, cookieSession, createClient } from "@devkit4ai/client";
import { cookies } from "next/headers";

/** The API as whoever sent this request: a client of their own, its session in a cookie that scripts cannot read. */
export async function clientOfRequest(): Promise<Client> {
  const { NEXT_PUBLIC_API_URL, DEVKIT4AI_DEVELOPER_KEY, DEVKIT4AI_PROJECT_ID, DEVKIT4AI_PROJECT_KEY } =
    process.env;
  if (!NEXT_PUBLIC_API_URL) throw new Error("Save the .env that `npm start` prints as .env.local.");
  return createClient({
    url: NEXT_PUBLIC_API_URL,
    developerKey: DEVKIT4AI_DEVELOPER_KEY,
    projectId: DEVKIT4AI_PROJECT_ID,
    apiKey: DEVKIT4AI_PROJECT_KEY,
    session: cookieSession(await cookies()),
  });
}
