import type { Server } from "node:http";
import { MailDev } from "maildev";
import { bounded, type Handler } from "./local-server.ts";
import { refusalOf } from "./loopback.ts";
import { loopback } from "./settings.ts";

const { SMTP_PORT: smtpPort, WEB_PORT: webPort } = process.env;

// Mails contain links that set passwords, so only this account may read the files.
process.umask(0o077);

// Messages stay in memory. Nothing is relayed, and nothing is fetched.
const inbox = new MailDev({
  smtp: Number(smtpPort),
  web: Number(webPort),
  ip: loopback,
  webIp: loopback,
  maxEmails: 500,
  silent: true,
});

/** MailDev answers any page under any host name. This guard allows only its own page, also for WebSockets. */
function guard(server: Server): void {
  const listeners = (event: string) => server.listeners(event) as ((...args: unknown[]) => void)[];
  const [answers, upgrades] = [listeners("request"), listeners("upgrade")];
  const handle: Handler = (request, response) => {
    // A stranger may have written the mail, so its HTML must not run as a page of the inbox.
    if (/\/html(?:\?|$)/.test(request.url ?? "")) {
      response.setHeader("content-security-policy", "script-src 'none'; form-action 'none'; base-uri 'none'");
    }
    for (const answer of answers) answer.call(server, request, response);
  };
  server.removeAllListeners("request").removeAllListeners("upgrade");
  server.on(
    "request",
    bounded(handle, { name: "The mail inbox", pages: "own", report: (line) => console.error(line) }),
  );
  server.on("upgrade", (request, socket, head) => {
    socket.on("error", () => {});
    if (refusalOf(request.headers, "own") !== undefined) socket.destroy();
    else for (const upgrade of upgrades) upgrade.call(server, request, socket, head);
  });
}

process.once("SIGTERM", () => process.exit(0));
await inbox.start();
const server = inbox.getServers()?.api?.server.server;
if (server === undefined) throw new Error("The mail inbox has no server to guard");
guard(server);
