import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "./lock.ts";
import { Problem } from "./problem.ts";
import { loopback, type Ports, portsFrom } from "./settings.ts";

type Place = [part: string, port: number];

function listed({ functions, ...parts }: Ports): Place[] {
  const inner = Object.entries(functions).map(([name, port]): Place => [`function ${name}`, port]);
  return [...Object.entries(parts), ...inner];
}

/** Whether the port is free, tested by listening. */
function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: loopback, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

async function takenOf(ports: Ports, isFreeNow = isPortFree): Promise<Place[]> {
  const places = listed(ports);
  const areFree = await Promise.all(places.map(([, port]) => isFreeNow(port)));
  return places.filter((_, at) => !areFree[at]);
}

const named = (places: Place[]) => places.map(([part, port]) => `${port} (${part})`).join(", ");

function takenBySomebody(places: Place[], ports: Ports): Problem {
  const [verb, noun] = places.length === 1 ? ["is", "Port"] : ["are", "Ports"];
  const other = ports.gateway + 100 > 65_000 ? 54_321 : ports.gateway + 100;
  return new Problem(
    `${noun} ${named(places)} ${verb} taken by another program: stop it, or use other ports with \`npm start -- --port ${other}\`.`,
  );
}

/** Linux keeps the port of a closed connection for a minute. */
const closedForMs = 65_000;

/**
 * Waits for ports that connections still hold. The system takes the ports of connections from a range that contains the
 * usual ports of the stack. So a connection can hold one after a load of requests. Throws a `Problem` that names each taken
 * port and its part, if a program listens on one, or after a timeout.
 */
export async function waitForPorts(
  ports: Ports,
  report: (line: string) => void,
  {
    withinMs = closedForMs,
    isFree = isPortFree,
    signal,
  }: { withinMs?: number; isFree?: typeof isPortFree; signal?: AbortSignal } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (let isFirst = true; ; isFirst = false) {
    const taken = await takenOf(ports, isFree);
    if (taken.length === 0) return;
    const listeners = await Promise.all(taken.map(([, port]) => isListenedOn(port)));
    if (listeners.includes(true) || performance.now() > deadline) throw takenBySomebody(taken, ports);
    if (isFirst)
      report(`Waiting up to a minute: connections that were just closed hold ports ${named(taken)}.`);
    await sleep(500, undefined, { signal });
  }
}

export function isListenedOn(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: loopback }, () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Reserves a base port for this process. False while another process that reserved it runs, which may not listen yet. */
function reserve(base: number): boolean {
  const folder = join(tmpdir(), "cloud-api-ports");
  const note = join(folder, String(base));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o777 });
    if (existsSync(note) && !isAlive(Number(readFileSync(note, "utf8")))) rmSync(note, { force: true });
    writeFileSync(note, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    // Without a writable folder there are no reservations.
    return (error as NodeJS.ErrnoException).code !== "EEXIST";
  }
}

/** A base port below the ephemeral range. All ports of its stack are free, and only this process has reserved it. */
export async function findFreeBase(): Promise<number> {
  const [from, to] = [20_000, 31_000];
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const base = from + 20 * Math.floor((Math.random() * (to - from)) / 20);
    if (reserve(base) && (await takenOf(portsFrom(base))).length === 0) return base;
  }
  throw new Problem(
    `No free range of ports was found between ${from} and ${to}: stop some programs and try again.`,
  );
}
