import { z } from "zod";
import type { Log } from "./job.ts";
import { startReplicate } from "./server.ts";

const log: Log = (level, message, fields = {}) =>
  void process.stdout.write(
    `${JSON.stringify({ at: new Date().toISOString(), level, message, ...fields })}\n`,
  );

const settings = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535),
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
    predictionMs: env.PREDICTION_MS,
    log,
  });
  log("info", "listening", { url });
} catch (error) {
  const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
  log("error", "could not start", { error: reason });
  process.exit(1);
}
