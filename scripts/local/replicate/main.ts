import { startReplicate } from "./server.ts";

function write(level: string, message: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...fields })}\n`);
}

function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the Replicate look-alike needs it`);
  return value;
}

function number(name: string): number | undefined {
  const value = process.env[name];
  if (!value) return undefined;
  if (!/^\d+$/.test(value)) throw new Error(`${name} must be a whole number, but is "${value}"`);
  return Number(value);
}

function end(reason: string): never {
  write("info", "ended", { reason });
  process.exit(0);
}

try {
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => end(signal));
  process.once("disconnect", () => end("parent disconnected"));
  // A killed parent sends nothing: the new parent's id is the only sign.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && end("parent gone"), 250).unref();
  required("PORT");
  const { url } = await startReplicate({
    api_token: required("REPLICATE_API_TOKEN"),
    webhook_secret: required("REPLICATE_WEBHOOK_SECRET"),
    port: number("PORT"),
    host: process.env.HOST || "127.0.0.1",
    prediction_ms: number("PREDICTION_MS"),
    file_ttl_ms: number("FILE_TTL_MS"),
    log: write,
  });
  write("info", "listening", { url });
} catch (error) {
  write("error", "could not start", { error: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}
