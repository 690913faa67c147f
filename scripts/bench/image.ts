import { randomBytes } from "node:crypto";
import { encode } from "fast-png";

const boundary = "----cloud-api-bench";

/** A form with a PNG of one megabyte and its Content-Type. Noise, which does not compress. */
export function generationBody(): { body: Buffer; type: string } {
  const [width, height] = [640, 512];
  const png = encode({ width, height, channels: 3, data: new Uint8Array(randomBytes(width * height * 3)) });
  const head = [
    `--${boundary}\r\nContent-Disposition: form-data; name="instructions"\r\n\r\nTurn this into a watercolour\r\n`,
    `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="photo.png"\r\nContent-Type: image/png\r\n\r\n`,
  ].join("");
  const body = Buffer.concat([Buffer.from(head), png, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}
