import fc from "fast-check";
import {
  heic,
  jpeg,
  jpegWithMetadata,
  png,
  pngHeader,
  pngWithMetadata,
  webp,
  webpWithMetadata,
} from "../images.ts";
import { nastyText } from "./nasty.ts";

export type File = { name: string; type: string; bytes: Uint8Array };
type Form = { fields: [string, string | File][] } | { type: string; text: string };

const latin = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));
const filled = (head: Uint8Array, unit: number[], bytes: number) =>
  Uint8Array.from({ length: bytes }, (_, at) => head[at] ?? unit[at % unit.length] ?? 0);

/** Valid, cut and forged pictures. */
const heads = [
  png(),
  png().slice(0, 40),
  pngHeader(60_000, 60_000),
  pngHeader(0, 0),
  pngWithMetadata(70_000),
  jpeg,
  jpeg.slice(0, 100),
  jpegWithMetadata(200_000, 30),
  webp,
  webpWithMetadata(5_000),
  heic,
  new Uint8Array(),
  latin("<svg onload=alert(1)>"),
  latin("RIFF\x24\0\0\0WEBP<svg onload=alert(1)>"),
  latin("RIFF\xff\xff\xff\xffWEBP"),
  latin("GIF89a\x01\0\x01\0"),
  Uint8Array.of(0xff, 0xd8, 0xff, 0xff, 0xff),
  filled(Uint8Array.of(0xff, 0xd8), [0xff], 100_000),
  filled(Uint8Array.of(0xff, 0xd8), [0xff, 0xe1, 0, 2], 100_000),
  filled(png().slice(0, 33), [0, 0, 0, 0, 0x74, 0x45, 0x58, 0x74, 0, 0, 0, 0], 100_000),
];

const file: fc.Arbitrary<File> = fc.record({
  name: fc.constantFrom(
    "photo.png",
    "",
    "../../x",
    'a"b.png',
    "x.exe",
    "ü.png",
    "a\r\nb",
    "%zz",
    "x".repeat(5_000),
  ),
  type: fc.constantFrom("image/png", "image/svg+xml", "text/html", ""),
  bytes: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...heads) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...heads.slice(0, 10)), fc.nat(), fc.nat(255))
        .map(([head, at, byte]) => head.map((old, index) => (index === at % head.length ? byte : old))),
    },
  ),
});

const B = "B".repeat(70);
const part = (boundary: string, disposition: string, content: string) =>
  `--${boundary}\r\nContent-Disposition: form-data${disposition}\r\n\r\n${content}\r\n`;
/** Boundaries, each with a body that is hard to search. */
const broken: [boundary: string, body: string][] = [
  ["x", ""],
  ["x", "--x"],
  ["x", "--x--"],
  ["x", part("x", '; name="instructions"', "A").slice(0, -3)],
  ["x", `${part("x", '; name="instructions"', "A")}--x--\r\n`],
  ["x", `preamble\r\n${part("x", '; name="instructions"', "A")}--x--\r\n`],
  ["x", `--x\r\n${"X-Header: y\r\n".repeat(2_000)}\r\nA\r\n--x--\r\n`],
  ["x", "--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--y--"],
  ["x", part("x", '; name="files"; filename=""', "")],
  ["x", part("x", `; name="${"n".repeat(7_000)}"`, "A")],
  ["x", part("x", "; name*=UTF-8''%zz; filename*=''%", "A")],
  ["x", "\r\n".repeat(30_000)],
  [B, part(B, '; name="files"; filename="a"', "B".repeat(200_000))],
  [B, part(B, '; name="files"; filename="a"', `\r\n--${B.slice(1)}C`.repeat(2_000))],
  ...[71, 252, 508].map((length): [string, string] => [
    "B".repeat(length),
    `--${"B".repeat(length)}\r\n${B}`,
  ]),
  ["", "--"],
  ["a b ", "--a b "],
  ["<>@[]", "--<>@[]"],
];
const raw = fc
  .tuple(
    fc.constantFrom(...broken),
    fc.constantFrom(...['boundary="*"', "boundary=*", "Boundary=*", "charset=utf-8; boundary=*", ""]),
  )
  .map(([[boundary, text], parameter]) => ({
    type: `multipart/form-data${parameter && `; ${parameter.replace("*", boundary)}`}`,
    text,
  }));

/** A form of these values with files, or a malformed form. */
export function formOf(usual: fc.Arbitrary<unknown>): fc.Arbitrary<Form> {
  const value = (name: string, one: unknown) =>
    name === "files" || name === "example_images"
      ? file
      : fc.oneof({ weight: 3, arbitrary: fc.constant(String(one)) }, { weight: 1, arbitrary: nastyText });
  const fields = usual.chain((object) =>
    fc.tuple(
      ...Object.entries(object as object).map(([name, one]) => fc.tuple(fc.constant(name), value(name, one))),
    ),
  );
  const name = fc.oneof(
    nastyText,
    fc.constantFrom("files", "files[0]", "image", "avatar", "instructions", "seed", "model", "__proto__"),
  );
  const more = fc.array(fc.tuple(name, fc.oneof(nastyText, file)), { maxLength: 3 });
  const whole = fc.tuple(fields, more).map(([own, others]) => ({
    fields: [...own, ...others] as [string, string | File][],
  }));
  return fc.oneof({ weight: 5, arbitrary: whole }, { weight: 2, arbitrary: raw });
}
