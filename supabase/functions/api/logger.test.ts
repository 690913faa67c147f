import { expect, test, vi } from "vitest";
import { createLogger } from "./logger.ts";

function logger() {
  const written: [string, string][] = [];
  const background: Promise<unknown>[] = [];
  const made = createLogger(
    (level, text) => written.push([level, text]),
    (work) => background.push(work),
  );
  return { ...made, written, background };
}

test("a hundred simultaneous log lines are written together, and none is lost", async () => {
  const { writeRequest, written, background } = logger();
  for (let at = 0; at < 100; at++) writeRequest("info", `{"at":${at}}`);
  expect(written).toEqual([]);
  await Promise.all(background);
  expect(written).toHaveLength(1);
  expect(written[0]?.[1].split("\n")).toHaveLength(100);
});

test("one write of log lines stays below the size limit of hosted Supabase", async () => {
  const { writeRequest, written, background } = logger();
  const line = "x".repeat(999);
  for (let at = 0; at < 25; at++) writeRequest("info", line);
  await Promise.all(background);
  for (const [, text] of written) expect(text.length).toBeLessThan(10_000);
  expect(written.flatMap(([, text]) => text.split("\n"))).toHaveLength(25);
});

test("an error is logged at once, after all earlier lines", () => {
  const { log, writeRequest, written } = logger();
  writeRequest("info", "first");
  writeRequest("error", "second");
  writeRequest("info", "third");
  log("warn", "a mail could not be sent", { cause: new Error("ada@example.com said no") });
  expect(written.map(([level]) => level)).toEqual(["info", "error", "info", "warn"]);
  expect(written.slice(0, 3).map(([, text]) => text)).toEqual(["first", "second", "third"]);
  expect(JSON.parse(written[3]?.[1] ?? "")).toMatchObject({
    level: "warn",
    message: "a mail could not be sent",
    cause: "Error: <address> said no",
  });
});

test("the logger keeps the isolate alive until its lines are written", () => {
  const waitUntil = vi.fn();
  createLogger(() => {}, waitUntil).writeRequest("info", "line");
  expect(waitUntil).toHaveBeenCalledOnce();
});

test("the logger throws nothing when a line cannot be written", async () => {
  const work: Promise<unknown>[] = [];
  const { log, writeRequest } = createLogger(
    () => {
      throw new Error("No space left on device");
    },
    (waiting) => work.push(waiting),
  );
  log("error", "something");
  writeRequest("error", "line");
  writeRequest("info", "line");
  await Promise.all(work);
  expect(work).toHaveLength(1);
});

test("the log removes signed URLs, keys and email addresses from a service's message", () => {
  const { log, written } = logger();
  const reason =
    "no picture at https://files.example.com/sign/a.png?token=eyJhbGciOi.eyJzdWIi.c2ln for ada@example.com";
  log("warn", "a prediction failed", { generation_id: "g1", reason, count: 2 });
  const line = JSON.parse(written[0]?.[1] ?? "");
  expect(line).toMatchObject({ generation_id: "g1", count: 2 });
  expect(line.reason).toBe("no picture at https://files.example.com/sign/a.png?token=… for <address>");
});
