import { existsSync, writeFileSync } from "node:fs";
import { encode } from "fast-png";

const SIDE_PX = 512;

/** A small photo-like PNG to try an upload with: a sun over hills. */
export function writeSample(file: string): void {
  if (existsSync(file)) return;
  const data = new Uint8Array(SIDE_PX * SIDE_PX * 3);
  for (let y = 0; y < SIDE_PX; y += 1) {
    for (let x = 0; x < SIDE_PX; x += 1) data.set(colourAt(x / SIDE_PX, y / SIDE_PX), (y * SIDE_PX + x) * 3);
  }
  writeFileSync(file, encode({ width: SIDE_PX, height: SIDE_PX, data, channels: 3 }), { mode: 0o644 });
}

function colourAt(x: number, y: number): [red: number, green: number, blue: number] {
  const ridge = 0.62 + 0.08 * Math.sin(x * 7) + 0.03 * Math.sin(x * 23);
  if (y > ridge) {
    const depth = (y - ridge) / (1 - ridge);
    return [40 + 30 * depth, 110 - 60 * depth, 60 - 20 * depth];
  }
  const glow = Math.max(0, 1 - Math.hypot(x - 0.68, y - 0.3) / 0.5);
  const sun = Math.hypot(x - 0.68, y - 0.3) < 0.09;
  return sun ? [255, 236, 170] : [120 + 120 * glow, 160 + 50 * glow, 225 - 40 * glow];
}
