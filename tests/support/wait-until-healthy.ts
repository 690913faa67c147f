import { api } from "./api.ts";
import { until } from "./until.ts";

/** The health report once every part is healthy. On a busy machine a part can miss its 700 ms. */
export const waitUntilHealthy = (path: string, headers: Record<string, string> = {}) =>
  until(
    `${path} is healthy`,
    () => api(path, { headers }),
    ({ body }) => body.status === "healthy",
  );
