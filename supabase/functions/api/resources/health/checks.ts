import type { Deps } from "../../context.ts";

export type Part = {
  status: "healthy" | "unhealthy" | "not_configured";
  latency_ms?: number;
  error?: string;
};
export type DatabasePart = Part & { version?: string };

// The whole answer has one second; a part that takes longer is down for whoever asks.
const deadlineMs = 800;

export async function checkDatabase({ database }: Deps): Promise<DatabasePart> {
  return timed(async () => ({ version: await database.call<string>("server_version", [], deadlineMs) }));
}

export async function checkStorage({ storage }: Deps): Promise<Part> {
  return timed(async () => {
    await storage.check(deadlineMs);
    return {};
  });
}

export const redisPart: Part = { status: "not_configured" };

/** Only the class of an error is told: its text can name hosts. */
async function timed<T extends object>(check: () => Promise<T>): Promise<Part & Partial<T>> {
  const start = performance.now();
  try {
    const facts = await check();
    return { status: "healthy", latency_ms: Math.round(performance.now() - start), ...facts };
  } catch (error) {
    return {
      status: "unhealthy",
      latency_ms: Math.round(performance.now() - start),
      error: error instanceof Error ? error.message : "unknown",
    } as Part & Partial<T>;
  }
}
