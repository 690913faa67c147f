import { readFileSync } from "node:fs";
import { decodePng, type Pixels } from "./image-file.ts";

/** The two lines "Drawn by the local stand-in; set REPLICATE_API_TOKEN for real ones", so that nobody takes a picture for a model's. */
const stamp = decodePng(readFileSync(new URL("stamp.png", import.meta.url))) as Pixels;

/** Into the lower left corner; smaller on a picture that is narrower than the words. */
export function drawStamp({ width, height, data }: Pixels): void {
  const scale = Math.min(1, width / stamp.width);
  const [across, down] = [Math.floor(stamp.width * scale), Math.floor(stamp.height * scale)];
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < across; x++) {
      const from = (Math.floor(y / scale) * stamp.width + Math.floor(x / scale)) * 3;
      data.set(stamp.data.subarray(from, from + 3), ((height - down + y) * width + x) * 3);
    }
  }
}
