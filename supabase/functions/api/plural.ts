/** "1 hour", "2 hours". */
export const plural = (count: unknown, unit: string) => `${count} ${unit}${count === 1 ? "" : "s"}`;
