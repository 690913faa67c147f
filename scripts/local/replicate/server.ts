import type { AddressInfo } from "node:net";
import { closeServer, fromFetch, listen, localServer } from "../local-server.ts";
import { loopback } from "../settings.ts";
import { createApp } from "./app.ts";
import { type FaultRules, makeFaultRules } from "./faults.ts";
import type { Log } from "./job.ts";
import { makePredictions } from "./predictions.ts";
import { makeWebhookSender } from "./webhook-sender.ts";

type ReplicateOptions = {
  /** The only accepted token. */
  token: string;
  /** `whsec_` and base64. */
  webhookSecret: string;
  /** 0, the default, means any free port. */
  port?: number;
  predictionMs?: number;
  /** The waits between attempts at the final webhook of a prediction. */
  webhookRetryMs?: number[];
  maxPredictions?: number;
  log?: Log;
};

export type ReplicateServer = {
  /** The URL without a trailing slash. The API is under `/v1`. */
  url: string;
  faults: FaultRules;
  close: () => Promise<void>;
};

/** Starts the look-alike in this process. Rejects if the port is taken or the secret is not base64. */
export async function startReplicate(options: ReplicateOptions): Promise<ReplicateServer> {
  const { token, webhookSecret, port = 0, log = () => {} } = options;
  const { predictionMs = 1500, maxPredictions = 500 } = options;
  const { webhookRetryMs: retryMs = [1000, 3000, 8000, 16_000, 30_000] } = options;
  const webhooks = makeWebhookSender({ secret: webhookSecret, retryMs, log });
  const predictions = makePredictions({ webhooks, predictionMs, maxPredictions, log });
  const faults = makeFaultRules();
  const app = createApp({ token, webhookSecret, predictions, webhooks, faults });
  const rules = {
    name: "The Replicate look-alike",
    pages: "local",
    report: (line: string) => log("error", line),
  } as const;
  const server = localServer(fromFetch(app.fetch), rules);
  await listen(server, port);
  const close = async () => {
    webhooks.close();
    predictions.close();
    await closeServer(server);
  };
  return { url: `http://${loopback}:${(server.address() as AddressInfo).port}`, faults, close };
}
