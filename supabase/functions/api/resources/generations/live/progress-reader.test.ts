import { expect, test } from "vitest";
import { ProgressReader } from "./progress-reader.ts";

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a log is read in the background, at most once in two seconds", async () => {
  const read: string[] = [];
  const reader = new ProgressReader(async (id) => {
    read.push(id);
    return `${read.length}0%\n`;
  });
  for (let at = 0; at < 1_900; at += 100) {
    reader.of("p1", 10_000 + at);
    await settled();
  }
  expect(read).toEqual(["p1"]);
  expect(reader.of("p1", 12_000)?.percent).toBe(10);
  await settled();
  expect(reader.of("p1", 12_100)?.percent).toBe(20);
});

test("at most five logs are read at a time, and the others are read later", async () => {
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const reader = new ProgressReader(async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running--;
    return "50%\n";
  });
  const ids = Array.from({ length: 20 }, (_, index) => `p${index}`);
  for (let round = 0; round < 10; round++) {
    for (const id of ids) reader.of(id, 10_000 + round);
    for (const end of ends.splice(0)) end();
    await settled();
  }
  expect(most).toBe(5);
  expect(ids.map((id) => reader.of(id, 10_011)?.percent)).toEqual(ids.map(() => 50));
});

test("known progress stays when the provider fails or has no log", async () => {
  const answers: (() => Promise<string | null>)[] = [
    async () => "30%\n",
    async () => null,
    () => Promise.reject(new Error("no connection")),
    async () => "60%\n",
  ];
  const reader = new ProgressReader(() => (answers.shift() as () => Promise<string | null>)());
  const seen: unknown[] = [];
  for (let at = 10_000; at <= 18_000; at += 2_000) {
    seen.push(reader.of("p1", at)?.percent);
    await settled();
  }
  expect(seen).toEqual([undefined, 30, 30, 30, 60]);
});

test("progress of the oldest prediction is forgotten after a thousand others", async () => {
  const reader = new ProgressReader(async () => "30%\n");
  reader.of("p1", 10_000);
  await settled();
  for (let other = 0; other < 1_000; other++) reader.of(`other ${other}`, 10_000);
  expect(reader.of("p1", 10_001)).toBeNull();
});
