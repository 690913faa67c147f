import type { Generation } from "./finished-generation.ts";

/** The URL of a finished picture. @throws RangeError when there is no such picture */
export function pictureUrl({ id, status, images }: Generation, index: number): string {
  const url = images[index]?.url;
  if (url !== undefined) return url;
  throw new RangeError(
    `Generation ${id} is ${status} and has ${images.length} pictures: there is none at index ${index}. ` +
      "Call generations.wait first and look at its status and error.",
  );
}

/** The URL of an input picture. @throws RangeError when there is no such picture */
export function examplePictureUrl({ id, example_images }: Generation, index: number): string {
  const url = example_images[index];
  if (url !== undefined) return url;
  throw new RangeError(`Generation ${id} has ${example_images.length} example images.`);
}
