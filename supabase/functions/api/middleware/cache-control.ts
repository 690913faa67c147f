/** The answers that may be kept, by operation. Whatever is not here tells of somebody, or of this moment, and is not stored. */
export const cacheControl: Record<string, string> = {
  // The address that they lead to works for a minute.
  "generations.image": "private, max-age=30",
  "generations.exampleImage": "private, max-age=30",
};
