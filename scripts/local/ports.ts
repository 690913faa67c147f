import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isAlive } from "./lock.ts";
import { Problem } from "./problem.ts";
import { loopback, type Ports, portsFrom } from "./settings.ts";

function listed(ports: Ports): [part: string, port: number][] {
  const { functions, ...parts } = ports;
  const inner = Object.entries(functions).map(([name, port]): [string, number] => [`function ${name}`, port]);
  return [...Object.entries(parts), ...inner];
}

/** Whether the port is free, tested by listening. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Throws a `Problem` that names each taken port and the part that needs it. */
export async function assertPortsFree(ports: Ports, except: number[] = []): Promise<void> {
  const checked = listed(ports).filter(([, port]) => !except.includes(port));
  const states = await Promise.all(
    checked.map(async ([part, port]) => ({ part, port, free: await isPortFree(port) })),
  );
  const taken = states.filter((state) => !state.free).map((state) => `${state.port} (${state.part})`);
  if (taken.length === 0) return;
  const [verb, noun] = taken.length === 1 ? ["is", "Port"] : ["are", "Ports"];
  const other = ports.gateway + 100 > 65_000 ? 54_321 : ports.gateway + 100;
  throw new Problem(
    `${noun} ${taken.join(", ")} ${verb} taken by another program: stop it, or use other ports with \`npm start -- --port ${other}\`.`,
  );
}

/** Notes that this process was offered a base port. False while another process that was lives: it may not listen yet. */
function reserve(base: number): boolean {
  const folder = join(tmpdir(), "cloud-api-ports");
  const note = join(folder, String(base));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o777 });
    if (existsSync(note) && !isAlive(Number(readFileSync(note, "utf8")))) rmSync(note, { force: true });
    writeFileSync(note, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    // Where nothing can be noted, chance has to do.
    return (error as NodeJS.ErrnoException).code !== "EEXIST";
  }
}

/** A base port below the ephemeral range whose whole stack of ports is free, and offered to this process alone. */
export async function findFreeBase(from = 20_000, to = 31_000): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const base = from + 20 * Math.floor((Math.random() * (to - from)) / 20);
    if (!reserve(base)) continue;
    try {
      await assertPortsFree(portsFrom(base));
      return base;
    } catch {}
  }
  throw new Problem(
    `No free range of ports was found between ${from} and ${to}: stop some programs and try again.`,
  );
}
