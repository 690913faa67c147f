import { decode, encode } from "fast-png";
import { expect, test } from "vitest";
import { type RenderRequest, render } from "../../scripts/local/replicate/render.ts";

const base: RenderRequest = { prompt: "a red boat", images: [], index: 0, seed: 7, width: 128, height: 96 };

function photo(red: number): Buffer {
  const data = new Uint8Array(64 * 64 * 4);
  for (let i = 0; i < data.length; i += 4) data.set([red, 20, 20, 255], i);
  return Buffer.from(encode({ width: 64, height: 64, data, channels: 4 }));
}

function averageRed(png: Buffer): number {
  const { data } = decode(png);
  let sum = 0;
  for (let i = 0; i < data.length; i += 3) sum += data[i] as number;
  return sum / (data.length / 3);
}

test("a rendered picture is a valid PNG of the requested size", async () => {
  const png = decode(await render(base));
  expect([png.width, png.height, png.channels, png.depth]).toEqual([128, 96, 3, 8]);
  expect(new Set(png.data).size).toBeGreaterThan(50);
});

test("the same render request gives the same bytes", async () => {
  const request = { ...base, images: [photo(200)] };
  expect(await render(request)).toEqual(await render(request));
});

test("prompt, seed, index and input image each change the rendered picture", async () => {
  const jpeg = Buffer.from("ffd8ffe000044a46ffc0000b080123045601011100ffd9", "hex");
  const pictures = await Promise.all([
    render(base),
    render({ ...base, prompt: "a blue boat" }),
    render({ ...base, seed: 8 }),
    render({ ...base, index: 1 }),
    render({ ...base, images: [photo(200)] }),
    render({ ...base, images: [photo(201)] }),
    render({ ...base, images: [jpeg] }),
  ]);
  expect(new Set(pictures.map((picture) => picture.toString("base64"))).size).toBe(pictures.length);
});

test("a rendered picture shows the colors of its input PNG", async () => {
  const reds = await Promise.all(
    ["one", "two", "three"].map(async (prompt) => ({
      bright: averageRed(await render({ ...base, prompt, images: [photo(255)] })),
      dark: averageRed(await render({ ...base, prompt, images: [photo(0)] })),
    })),
  );
  const sum = (pick: "bright" | "dark") => reds.reduce((total, red) => total + red[pick], 0);
  expect(sum("bright")).toBeGreaterThan(sum("dark") + 100);
});

test("every rendered picture has the same label in its lower left corner, at any size", async () => {
  const corner = async (request: RenderRequest, rowsUp: number) => {
    const { data, width, height } = decode(await render(request));
    const rows = Array.from({ length: rowsUp }, (_, up) => (height - 1 - up) * width * 3);
    return rows.map((row) => data.slice(row, row + 64 * 3).join());
  };
  const small = await corner({ ...base, width: 64, height: 64 }, 12);
  expect(await corner({ ...base, prompt: "a blue boat", width: 64, height: 64 }, 12)).toEqual(small);
  const large = await corner({ ...base, width: 512, height: 512 }, 44);
  expect(await corner({ ...base, prompt: "a blue boat", width: 512, height: 512 }, 44)).toEqual(large);
  expect(new Set(large).size).toBeGreaterThan(3);
});

test("the renderer accepts a palette PNG as input", async () => {
  const data = new Uint8Array(16 * 16).map((_, i) => i % 2);
  const palette: [number, number, number][] = [
    [255, 0, 0],
    [0, 0, 255],
  ];
  const png = Buffer.from(encode({ width: 16, height: 16, data, channels: 1, depth: 8, palette }));
  expect(decode(await render({ ...base, images: [png] })).width).toBe(128);
});
