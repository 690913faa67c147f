/** The answers that may be cached, by operation. All others are personal or momentary and are not stored. */
export const cacheControl: Record<string, string> = {
  // The URL of the redirect is valid for a minute.
  "generations.image": "private, max-age=30",
  "generations.exampleImage": "private, max-age=30",
};
