import { api } from "./api.ts";
import { eventually } from "./mail.ts";

/** The health report once every part is healthy. On a busy machine a part can miss its 700 ms. */
export const whenHealthy = (path: string, headers: Record<string, string> = {}) =>
  eventually(`a healthy ${path}`, async () => {
    const answer = await api(path, { headers });
    return answer.body.status === "healthy" ? answer : undefined;
  });
