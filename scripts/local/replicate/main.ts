import { z } from "zod";
import { startReplicate } from "./server.ts";

function log(level: "info" | "error", message: string, fields: Record<string, unknown> = {}): void {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), level, message, ...fields })}\n`);
}

const settings = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535),
  HOST: z.string().default("127.0.0.1"),
  REPLICATE_API_TOKEN: z.string().min(1),
  REPLICATE_WEBHOOK_SECRET: z.string().startsWith("whsec_"),
  PREDICTION_MS: z.coerce.number().int().min(0).default(1500),
});

try {
  const env = settings.parse(process.env);
  process.once("SIGTERM", () => process.exit(0));
  const { url } = await startReplicate({
    token: env.REPLICATE_API_TOKEN,
    webhookSecret: env.REPLICATE_WEBHOOK_SECRET,
    port: env.PORT,
    host: env.HOST,
    predictionMs: env.PREDICTION_MS,
    log,
  });
  log("info", "listening", { url });
} catch (error) {
  log("error", "could not start", {
    error: error instanceof z.ZodError ? z.prettifyError(error) : String(error),
  });
  process.exit(1);
}
