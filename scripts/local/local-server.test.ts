import { once } from "node:events";
import { request as openRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterEach, expect, test } from "vitest";
import { closeServer, type Handler, listen, localServer } from "./local-server.ts";

let server: Server | undefined;
afterEach(() => closeServer(server));

async function serve(handler: Handler): Promise<{ url: string; reports: string[] }> {
  const reports: string[] = [];
  server = localServer(handler, { name: "The server", pages: "own", report: (line) => reports.push(line) });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, reports };
}

test.each<[string, Handler]>([
  [
    "throws",
    () => {
      throw new Error("broken");
    },
  ],
  ["rejects", () => Promise.reject(new Error("broken"))],
])("a handler that %s causes a 500 for its own request, and one report", async (_how, handler) => {
  const { url, reports } = await serve(handler);
  const response = await fetch(`${url}/x?secret=1`);
  expect([response.status, (await response.json()).code]).toEqual([500, "internal_error"]);
  expect(reports).toEqual(["The server: GET /x failed: broken"]);
});

test("a local server cuts an answer that fails halfway, and keeps serving", async () => {
  const { url } = await serve(async (request, response) => {
    if (request.url === "/fine") return void response.end("fine");
    response.write("half");
    response.emit("error", new Error("of the socket"));
    throw new Error("broken");
  });
  await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
  expect(await (await fetch(`${url}/fine`)).text()).toBe("fine");
});

test("a local server reports nothing when a client disconnects during an answer", async () => {
  let settled: (outcome: unknown) => void = () => {};
  const outcome = new Promise((resolve) => {
    settled = resolve;
  });
  const { url, reports } = await serve((request, response) => {
    if (request.url === "/fine") return void response.end("fine");
    const endless = new Readable({ read: () => void endless.push(Buffer.alloc(65_536)) });
    const work = pipeline(endless, response);
    work.then(settled, settled);
    return work;
  });
  const sent = openRequest(url).end();
  const [answer] = await once(sent, "response");
  await once(answer, "data");
  sent.destroy();
  expect(await outcome).toBeInstanceOf(Error);
  expect(await (await fetch(`${url}/fine`)).text()).toBe("fine");
  expect(reports).toEqual([]);
});

test("a server whose port is taken says so in a sentence", async () => {
  const port = Number(new URL((await serve(() => {})).url).port);
  const late = localServer(() => {}, { name: "late", pages: "any", report: () => {} });
  await expect(listen(late, port)).rejects.toThrow(
    `Another program took a port of the stack: stop it or use another \`--port\`, then start again (port ${port}, EADDRINUSE).`,
  );
});
