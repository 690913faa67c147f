import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { closeServer, localServer } from "../local-server.ts";
import { createApp } from "./app.ts";
import { FaultRules } from "./faults.ts";
import type { Log } from "./log.ts";
import { Predictions } from "./predictions.ts";
import { WebhookSender } from "./webhook-sender.ts";

type ReplicateOptions = {
  /** The one token that is accepted. */
  token: string;
  /** `whsec_` and base64. */
  webhookSecret: string;
  /** 0, the default, takes any free port. */
  port?: number;
  host?: string;
  predictionMs?: number;
  /** Waits between the tries of the last webhook of a prediction. */
  webhookRetryMs?: number[];
  maxPredictions?: number;
  log?: Log;
};

export type ReplicateServer = {
  /** Without a slash at the end; the API is under `/v1`. */
  url: string;
  faults: FaultRules;
  close: () => Promise<void>;
};

/** The listener replaces these two for the whole process; `close` restores them. */
const { Request, Response } = globalThis;

/** Starts the look-alike in this process. Rejects when the port is taken or the secret is not base64. */
export async function startReplicate(options: ReplicateOptions): Promise<ReplicateServer> {
  const { token, webhookSecret, host = "127.0.0.1", port = 0, log = () => {} } = options;
  const webhooks = new WebhookSender({
    secret: webhookSecret,
    retryMs: options.webhookRetryMs ?? [1000, 3000, 8000, 16_000, 30_000],
    log,
  });
  const { predictionMs = 1500, maxPredictions = 500 } = options;
  const predictions = new Predictions({ webhooks, predictionMs, maxPredictions, log });
  const faults = new FaultRules();
  const app = createApp({ token, webhookSecret, predictions, webhooks, faults, log });
  const listener = getRequestListener(app.fetch);
  const server = localServer(
    (request, response) => {
      // The door has checked the name, and the listener refuses some of its spellings.
      request.headers.host = host;
      return listener(request, response);
    },
    {
      name: "The Replicate look-alike",
      pages: "local",
      // In a container of its own it is called by the name that it listens on.
      hosts: [host],
      report: (line) => log("error", line),
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host;
  predictions.url = `http://${reachable}:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    webhooks.close();
    predictions.close();
    await closeServer(server);
    Object.assign(globalThis, { Request, Response });
  };
  return { url: predictions.url, faults, close };
}
