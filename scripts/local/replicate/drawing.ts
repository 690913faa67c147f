import type { Pixels } from "./image-file.ts";

export type Rng = () => number;
export type Backdrop = { canvas: Pixels; random: Rng; hue: number; photo: Pixels | undefined };
type Rgb = [number, number, number];

/** Hue in degrees, saturation and lightness 0–1. */
function hsl(hue: number, saturation: number, lightness: number): Rgb {
  const a = saturation * Math.min(lightness, 1 - lightness);
  const channel = (n: number) => {
    const k = (n + (((hue % 360) + 360) % 360) / 30) % 12;
    return 255 * (lightness - a * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return [channel(0), channel(8), channel(4)];
}

const mix = (a: number, b: number, t: number) => a + (b - a) * t;
const smooth = (t: number) => t * t * (3 - 2 * t);

function blend(canvas: Pixels, at: number, [r, g, b]: Rgb, alpha: number): void {
  const data = canvas.data;
  data[at] = mix(data[at] as number, r, alpha);
  data[at + 1] = mix(data[at + 1] as number, g, alpha);
  data[at + 2] = mix(data[at + 2] as number, b, alpha);
}

/** Four corner colours, a soft light, and the input photo showing through. */
export function drawBackdrop({ canvas, random, hue, photo }: Backdrop): void {
  const { width, height, data } = canvas;
  const corners = [
    hsl(hue, 0.75, 0.72),
    hsl(hue + 35, 0.8, 0.66),
    hsl(hue + 70, 0.7, 0.5),
    hsl(hue + 110, 0.65, 0.42),
  ] as const;
  const light = hsl(hue + 40, 0.95, 0.9);
  const lightX = (0.2 + random() * 0.6) * width;
  const lightY = (0.15 + random() * 0.35) * height;
  const reach = 1 / (0.5 * Math.max(width, height)) ** 2;
  const top = gradientRow(corners[0], corners[1], width);
  const bottom = gradientRow(corners[2], corners[3], width);
  for (let y = 0, at = 0; y < height; y++) {
    const v = smooth(y / height);
    for (let x = 0; x < width; x++) {
      const distance = ((x - lightX) ** 2 + (y - lightY) ** 2) * reach;
      const glow = 0.85 / (1 + 9 * distance);
      let from = photo ? sampleAt(photo, x / width, y / height, width / height) : 0;
      for (let c = 0; c < 3; c++, at++, from++) {
        const sky = mix(top[x * 3 + c] as number, bottom[x * 3 + c] as number, v);
        const colour = mix(sky, light[c] as number, glow);
        data[at] = photo ? mix(photo.data[from] as number, colour, 0.38) : colour;
      }
    }
  }
}

function gradientRow(left: Rgb, right: Rgb, width: number): Float32Array {
  return Float32Array.from({ length: width * 3 }, (_, i) =>
    mix(left[i % 3] as number, right[i % 3] as number, smooth(Math.floor(i / 3) / width)),
  );
}

/** Index of the photo's pixel at u, v (0–1), cropped to cover the wanted aspect. */
function sampleAt(photo: Pixels, u: number, v: number, aspect: number): number {
  const own = photo.width / photo.height;
  const across = own > aspect ? aspect / own : 1;
  const down = own > aspect ? 1 : own / aspect;
  const x = Math.min(photo.width - 1, Math.floor((0.5 + (u - 0.5) * across) * photo.width));
  const y = Math.min(photo.height - 1, Math.floor((0.5 + (v - 0.5) * down) * photo.height));
  return (y * photo.width + x) * 3;
}

export function drawDiscs({ canvas, random, hue }: Backdrop): void {
  const { width, height } = canvas;
  for (let i = 0; i < 16; i++) {
    const radius = (0.04 + random() ** 2 * 0.2) * Math.min(width, height);
    const colour = hsl(hue + random() * 160 - 40, 0.8, 0.55 + random() * 0.35);
    drawDisc(canvas, random() * width, random() * height, radius, colour, 0.18 + random() * 0.34);
  }
}

function drawDisc(canvas: Pixels, cx: number, cy: number, radius: number, colour: Rgb, alpha: number): void {
  const left = Math.max(0, Math.floor(cx - radius - 1));
  const right = Math.min(canvas.width - 1, Math.ceil(cx + radius + 1));
  const bottom = Math.min(canvas.height - 1, Math.ceil(cy + radius + 1));
  for (let y = Math.max(0, Math.floor(cy - radius - 1)); y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const cover = Math.min(1, Math.max(0, radius - Math.hypot(x - cx, y - cy) + 0.5));
      if (cover > 0) blend(canvas, (y * canvas.width + x) * 3, colour, cover * alpha);
    }
  }
}
