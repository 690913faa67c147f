import { mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Keys } from "./keys.ts";
import { Part, type PartHost, type PartOptions } from "./part.ts";
import { compileCache, loopback, type Paths, type Ports, repositoryRoot } from "./settings.ts";

type SideServiceOptions = {
  paths: Paths;
  ports: Ports;
  host: PartHost;
};
type ReplicateOptions = { keys: Keys; env: Record<string, string> };

/** Catches every mail and shows it in a browser. */
export function makeInbox(options: SideServiceOptions): Part {
  const { paths, ports } = options;
  const folder = join(paths.data, "mail");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [SmtpPort, WebPort] = [String(ports.smtp), String(ports.inbox)];
  return nodePart(options, {
    name: "The mail inbox",
    script: "mail-server.ts",
    env: { SMTP_PORT: SmtpPort, WEB_PORT: WebPort, TMPDIR: folder },
    log: "mail.log",
    probe: async () => {
      await expectOk(`http://${loopback}:${ports.inbox}/api/healthz`);
      await expectOpen(ports.smtp);
    },
  });
}

/** The stand-in for Replicate, with real webhooks and real images. */
export function makeReplicate({ keys, env, ...options }: SideServiceOptions & ReplicateOptions): Part {
  const port = options.ports.replicate;
  const { replicate_token: ReplicateApiToken, replicate_webhook_secret: ReplicateWebhookSecret } = keys;
  return nodePart(options, {
    name: "The Replicate look-alike",
    script: "replicate/main.ts",
    env: {
      ...env,
      PORT: String(port),
      REPLICATE_API_TOKEN: ReplicateApiToken,
      REPLICATE_WEBHOOK_SECRET: ReplicateWebhookSecret,
    },
    log: "replicate.log",
    probe: () => expectOk(`http://${loopback}:${port}/health`),
  });
}

type NodePart = Pick<PartOptions, "name" | "env" | "probe"> & { script: string; log: string };

function nodePart({ paths, host }: SideServiceOptions, { script, env, log, ...part }: NodePart): Part {
  const options = {
    ...part,
    command: process.execPath,
    args: [join(repositoryRoot, "scripts", "local", script)],
    env: { ...env, NODE_COMPILE_CACHE: compileCache },
    log_file: join(paths.logs, log),
  };
  return new Part(options, host);
}

async function expectOk(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}

function expectOpen(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, loopback, () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}
