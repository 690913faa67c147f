import { existsSync, mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import type { Keys } from "./keys.ts";
import { Part, type PartHost } from "./part.ts";
import { compileCache, loopback, type Paths, type Ports, repositoryRoot } from "./settings.ts";

type SideServiceOptions = {
  paths: Paths;
  ports: Ports;
  host: PartHost;
  env?: Record<string, string>;
};

/** Catches every mail and shows it in a browser. */
export function makeInbox({ paths, ports, host }: SideServiceOptions): Part {
  const folder = join(paths.data, "mail");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return new Part(
    {
      name: "The mail inbox",
      command: nodeBinary(),
      args: [join(repositoryRoot, "scripts", "local", "mail-server.ts")],
      env: {
        HOST: loopback,
        SMTP_PORT: String(ports.smtp),
        WEB_PORT: String(ports.inbox),
        TMPDIR: folder,
        NODE_COMPILE_CACHE: compileCache,
      },
      cwd: repositoryRoot,
      log_file: join(paths.logs, "mail.log"),
      probe: async () => {
        await expectOk(`http://${loopback}:${ports.inbox}/api/healthz`);
        await expectOpen(ports.smtp);
      },
    },
    host,
  );
}

/** The stand-in for Replicate, with real webhooks and real images. */
export function makeReplicate({
  paths,
  ports,
  host,
  keys,
  env = {},
}: SideServiceOptions & { keys: Keys }): Part {
  return new Part(
    {
      name: "The Replicate look-alike",
      command: nodeBinary(),
      args: [join(repositoryRoot, "scripts", "local", "replicate", "main.ts")],
      env: {
        ...env,
        PORT: String(ports.replicate),
        NODE_COMPILE_CACHE: compileCache,
        REPLICATE_API_TOKEN: keys.replicate_token,
        REPLICATE_WEBHOOK_SECRET: keys.replicate_webhook_secret,
      },
      cwd: repositoryRoot,
      log_file: join(paths.logs, "replicate.log"),
      probe: () => expectOk(`http://${loopback}:${ports.replicate}/health`),
    },
    host,
  );
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

/** The pinned Node, also when the stack is started by another one. */
function nodeBinary(): string {
  const pinned = join(repositoryRoot, "node_modules", "node", "bin", "node");
  return existsSync(pinned) ? pinned : process.execPath;
}
