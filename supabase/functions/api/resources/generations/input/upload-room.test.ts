import fc from "fast-check";
import { expect, test } from "vitest";
import { type Place, UploadRoom } from "./upload-room.ts";

const kb = 1024;
const total = 24_000 * kb;
const share = 8_000 * kb;
const isPending = async (work: Promise<unknown>) => {
  const pending = Symbol();
  return (await Promise.race([work, new Promise((resolve) => setImmediate(resolve, pending))])) === pending;
};

test("an upload takes only the room of bytes that have arrived", async () => {
  const room = new UploadRoom(total, share);
  const open = await Promise.all(Array.from({ length: 100 }, (_, at) => room.enter(`client ${at}`)));
  expect(room.used).toBe(100 * 16 * kb);
  const honest = await room.enter("honest");
  expect(await isPending(honest.hold(10_000 * kb))).toBe(false);
  for (const place of [...open, honest]) place.leave();
  expect(room.used).toBe(0);
});

test("one client cannot take the room that is reserved for other clients", async () => {
  const room = new UploadRoom(total, share);
  const places = await Promise.all(Array.from({ length: 8 }, () => room.enter("greedy")));
  const waiting = places.map((place) => place.hold(4_000 * kb));
  expect((await Promise.all(waiting.map(isPending))).filter((is) => is).length).toBeGreaterThan(2);
  const honest = await room.enter("honest");
  expect(await isPending(honest.hold(6_000 * kb))).toBe(false);
});

test("uploads must be faster while other uploads wait for room", async () => {
  const room = new UploadRoom(total, share);
  const places = await Promise.all(["a", "b", "c"].map((client) => room.enter(client)));
  const [first] = places;
  await Promise.all(places.map((place) => place.hold(7_900 * kb)));
  expect(first?.bytesPerSecond()).toBe(8 * kb);
  const late = await room.enter("d");
  await late.hold(2_000 * kb);
  const later = await room.enter("e");
  const waiting = later.hold(2_000 * kb);
  expect(await isPending(waiting)).toBe(true);
  expect(first?.bytesPerSecond()).toBeGreaterThan(50 * kb);
  expect(later.bytesPerSecond()).toBe(8 * kb);
  late.leave();
  await waiting;
});

test("an upload that waits too long for room is refused with 503", async () => {
  const room = new UploadRoom(100 * kb, 100 * kb, 1);
  const full = await room.enter("a");
  await full.hold(80 * kb);
  const overdrawn = await room.enter("b");
  await overdrawn.hold(80 * kb);
  await expect(room.enter("c")).rejects.toMatchObject({ code: "overloaded", status: 503 });
});

test("uploads never deadlock, and hold at most the total room and one more body", async () => {
  const largest = 50_000 * kb;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 50 })), {
        minLength: 1,
        maxLength: 30,
      }),
      async (bodies) => {
        const room = new UploadRoom(total, share, 5_000);
        const open = new Set<Place>();
        let peak = 0;
        await Promise.all(
          bodies.map(async ([client, pieces]) => {
            const place = await room.enter(`client ${client}`);
            open.add(place);
            for (let at = 0; at < pieces; at++) {
              await place.hold(1_000 * kb);
              peak = Math.max(
                peak,
                [...open].reduce((sum, { held }) => sum + held, 0),
              );
            }
            open.delete(place);
            place.leave();
          }),
        );
        expect(room.used).toBe(0);
        expect(peak).toBeLessThanOrEqual(total + largest + 16 * kb);
      },
    ),
    { numRuns: 60 },
  );
});
