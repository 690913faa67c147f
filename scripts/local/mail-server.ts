import { MailDev } from "maildev";

const { SMTP_PORT, WEB_PORT, HOST = "127.0.0.1" } = process.env;

// Messages stay in memory; nothing is relayed and nothing is fetched.
const inbox = new MailDev({
  smtp: Number(SMTP_PORT),
  web: Number(WEB_PORT),
  ip: HOST,
  webIp: HOST,
  maxEmails: 500,
  silent: true,
});

process.once("SIGTERM", () => process.exit(0));
await inbox.start();
