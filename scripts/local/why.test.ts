import { expect, test } from "vitest";
import { whyOf } from "./why.ts";

// Outputs of failed programs, each with the line that explains the failure.
test.each<[string, string, string]>([
  [
    "Deno with an exception",
    `error: Uncaught (in promise) Error: The configuration is not usable:
  MAIL_FROM: the address that mail comes from: must be an address
    throw new Error(\`The configuration is not usable:\`);
          ^
    at parseEnv (file:///repo/supabase/functions/api/env.ts:160:9)
    at file:///repo/supabase/functions/api/index.ts:9:34`,
    "error: Uncaught (in promise) Error: The configuration is not usable: MAIL_FROM: the address that mail comes from: must be an address",
  ],
  [
    "Deno with a missing permission",
    `error: Uncaught (in promise) NotCapable: Requires net access to "10.0.0.1:5432", run again with the --allow-net flag
    at async connect (npm:postgres)`,
    'error: Uncaught (in promise) NotCapable: Requires net access to "10.0.0.1:5432", run again with the --allow-net flag',
  ],
  [
    "Node with a missing module",
    `node:internal/modules/package_json_reader:266
  throw new ERR_MODULE_NOT_FOUND(packageName, fileURLToPath(base), null);
        ^

Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'maildev' imported from /repo/scripts/local/mail-server.ts
    at Object.getPackageJSONURL (node:internal/modules/package_json_reader:266:9)
    at packageResolve (node:internal/modules/esm/resolve:768:81) {
  code: 'ERR_MODULE_NOT_FOUND'
}

Node.js v24.21.0`,
    "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'maildev' imported from /repo/scripts/local/mail-server.ts",
  ],
  [
    "Node with a port in use",
    `node:events:497
      throw er; // Unhandled 'error' event
      ^

Error: listen EADDRINUSE: address already in use 127.0.0.1:54324
    at Server.setupListenHandle [as _listen2] (node:net:1940:16)
Emitted 'error' event on Server instance at:
    at emitErrorNT (node:net:1919:8) {
  code: 'EADDRINUSE',
  errno: -98,
  syscall: 'listen',
  address: '127.0.0.1',
  port: 54324
}

Node.js v24.21.0`,
    "Error: listen EADDRINUSE: address already in use 127.0.0.1:54324",
  ],
  [
    "Postgres",
    `2026-11-24 09:00:00.000 UTC [7] LOG:  starting PostgreSQL 17.10
2026-11-24 09:00:00.001 UTC [7] FATAL:  could not create shared memory segment: No space left on device
2026-11-24 09:00:00.002 UTC [7] DETAIL:  Failed system call was shmget(key=54322001, size=56, 03600).
2026-11-24 09:00:00.003 UTC [7] LOG:  database system is shut down`,
    "2026-11-24 09:00:00.001 UTC [7] FATAL:  could not create shared memory segment: No space left on device",
  ],
  [
    "the Supabase CLI with a wrong migration",
    `Connecting to remote database...
Applying migration 20261124090000_foundation.sql...
ERROR: relation "nowhere" does not exist (SQLSTATE 42P01)
At statement: 3
select * from nowhere
              ^
Try rerunning the command with --debug to troubleshoot the error.`,
    'ERROR: relation "nowhere" does not exist (SQLSTATE 42P01)',
  ],
  [
    "the Supabase CLI with a wrong settings file",
    `failed to parse environment file: .env (unexpected character "\\n" in variable name)
Try rerunning the command with --debug to troubleshoot the error.`,
    'failed to parse environment file: .env (unexpected character "\\n" in variable name)',
  ],
  [
    "a program with colored output",
    "\u001b[0m\u001b[1m\u001b[31merror\u001b[0m: Module not found",
    "error: Module not found",
  ],
  ["a program without an error line", "starting\nlistening", "listening"],
  ["a program without output", "", ""],
])("the reason is found in the output of %s", (_who, output, expected) => {
  expect(whyOf(output)).toBe(expected);
});

test("the reason in a very long output is cut, and found within half a second of computing", () => {
  const long = `error: ${"a.".repeat(2_000_000)}`;
  const start = process.cpuUsage();
  expect(whyOf(`${long}\nerror: ${"b ".repeat(5_000)}`).length).toBeLessThanOrEqual(300);
  expect(process.cpuUsage(start).user).toBeLessThan(500_000);
});
