import { existsSync, writeFileSync } from "node:fs";
import { encode } from "fast-png";

const sidePx = 512;

/** A small photo-like PNG to try an upload with: a sun over hills. */
export function writeSample(file: string): void {
  if (existsSync(file)) return;
  const data = new Uint8Array(sidePx * sidePx * 3);
  for (let y = 0; y < sidePx; y += 1) {
    for (let x = 0; x < sidePx; x += 1) data.set(colourAt(x / sidePx, y / sidePx), (y * sidePx + x) * 3);
  }
  writeFileSync(file, encode({ width: sidePx, height: sidePx, data, channels: 3 }), { mode: 0o644 });
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
