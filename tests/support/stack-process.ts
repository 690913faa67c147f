import { reasonOf } from "../../scripts/local/problem.ts";
import { type StackOptions, startStack } from "../../scripts/local/stack.ts";

// Runs a stack in its own process, so that a busy test runner cannot slow it
// down. It ends when its input ends, even if the runner is killed.
const options = JSON.parse(process.argv[2] ?? "{}") as StackOptions;
const say = (event: Record<string, unknown>) => process.stdout.write(`${JSON.stringify(event)}\n`);

// Without a listener, a write to a runner that was killed is an uncaught error, and its report would be the next such write.
process.stdout.on("error", () => {});
const ended = new Promise<void>((resolve) =>
  process.stdin.once("end", resolve).once("close", resolve).resume(),
);
try {
  const stack = await startStack({ ...options, report: (line) => say({ kind: "report", line }) });
  const { urls, keys, database_url, admin_database_url, credentials, ports, paths, ready_after_ms } = stack;
  const shared = { urls, keys, database_url, admin_database_url, credentials, ports, paths, ready_after_ms };
  say({ kind: "ready", stack: { ...shared, processes: stack.processes() } });
  await ended;
  await stack.stop();
  say({ kind: "ended" });
  process.exit(0);
} catch (error) {
  say({ kind: "failed", reason: reasonOf(error) });
  process.exit(1);
}
