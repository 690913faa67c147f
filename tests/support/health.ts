import { api } from "./api.ts";
import { eventually } from "./mail.ts";

/** What `/health` answers once every part is healthy. Each has 700 ms to answer, which it can miss on a busy machine. */
export const whenHealthy = (path: string, headers: Record<string, string> = {}) =>
  eventually(`a healthy ${path}`, async () => {
    const answer = await api(path, { headers });
    return answer.body.status === "healthy" ? answer : undefined;
  });
