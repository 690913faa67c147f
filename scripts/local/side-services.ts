import { join } from "node:path";
import type { Keys } from "./keys.ts";
import { expectAnswer, Part, type PartHost, type PartOptions } from "./part.ts";
import { isListenedOn } from "./ports.ts";
import { compileCache, loopback, type Paths, type Ports, repositoryRoot } from "./settings.ts";

type SideServiceOptions = {
  paths: Paths;
  ports: Ports;
  host: PartHost;
};
type ReplicateOptions = { keys: Keys; env: Record<string, string> };

/** An inbox that receives every mail and shows it in a browser. */
export function makeInbox(options: SideServiceOptions): Part {
  const { paths, ports } = options;
  return nodePart(options, {
    name: "The mail inbox",
    script: "mail-server.ts",
    env: { SMTP_PORT: String(ports.smtp), WEB_PORT: String(ports.inbox), TMPDIR: paths.mail },
    log: "mail.log",
    probe: async () => {
      await expectAnswer(`http://${loopback}:${ports.inbox}/api/healthz`);
      if (!(await isListenedOn(ports.smtp))) throw new Error("nobody listens for mail");
    },
  });
}

/** The stand-in for Replicate, with real webhooks and real images. */
export function makeReplicate({ keys, env, ...options }: SideServiceOptions & ReplicateOptions): Part {
  const port = options.ports.replicate;
  return nodePart(options, {
    name: "The Replicate look-alike",
    script: "replicate/main.ts",
    env: {
      ...env,
      PORT: String(port),
      REPLICATE_API_TOKEN: keys.replicate_token,
      REPLICATE_WEBHOOK_SECRET: keys.replicate_webhook_secret,
    },
    log: "replicate.log",
    probe: () => expectAnswer(`http://${loopback}:${port}/health`),
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
