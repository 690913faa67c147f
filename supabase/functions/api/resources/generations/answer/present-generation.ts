import type { Env } from "../../../env.ts";
import { signTicket } from "../files/ticket.ts";
import type { Generation } from "../schemas.ts";
import type { FileKind, GenerationRow } from "../store.ts";

/** A generation in the form of the API: every path becomes an absolute URL that a browser can show. */
export function presentGeneration(
  env: Env,
  { outputs, example_images, link_version, ...row }: GenerationRow,
): Generation {
  const base = `${env.public_url}/api/v1/generation/${row.id}`;
  const address = (kind: FileKind, index: number) => {
    // A public picture needs no ticket. Its URL stays the same until it becomes private.
    if (kind === "output" && row.is_public) return `${base}/image${index === 0 ? "" : `?index=${index}`}`;
    const place = kind === "output" ? `image?index=${index}&` : `examples/${index}?`;
    return `${base}/${place}ticket=${signTicket(env, row.id, kind, index, link_version)}`;
  };
  const images = outputs.map(({ content_type, width, height }, index) => ({
    url: address("output", index),
    content_type,
    width,
    height,
  }));
  return {
    ...row,
    generated_image_url: images[0]?.url ?? null,
    images,
    example_images: example_images.map((_, index) => address("example", index)),
  };
}
