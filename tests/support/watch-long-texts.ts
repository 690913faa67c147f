/** Functions whose work grows with the length of their text. */
const ofStrings = [
  "normalize",
  "split",
  "replace",
  "replaceAll",
  "match",
  "matchAll",
  "search",
  "trim",
  "trimStart",
  "trimEnd",
  "toLowerCase",
  "toUpperCase",
  "localeCompare",
] as const;
const ofPatterns = ["test", "exec"] as const;

/** Calls from these files do not count. They read each character a fixed number of times. */
const linear = /node_modules\/(hono|@hono)\/|node:internal|tests\/support\/(?!watch-long-texts)/;

/** Records which functions of strings and patterns get a text longer than `most`, between `start` and `stop`. */
export function watchLongTexts(most: number) {
  const found: string[] = [];
  const originals: [object, string, unknown][] = [];
  let isWatching = true;

  function note(name: string, text: string): void {
    if (!isWatching || text.length <= most) return;
    isWatching = false;
    const caller = new Error().stack?.split("\n").slice(3, 5) ?? [];
    if (!linear.test(caller[0] ?? "")) found.push(`${name} of ${text.length} characters ${caller.join(" ")}`);
    isWatching = true;
  }

  function wrap(prototype: object, name: string, textOf: (self: unknown, args: unknown[]) => unknown): void {
    const original = Reflect.get(prototype, name) as (...args: unknown[]) => unknown;
    originals.push([prototype, name, original]);
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value: function wrapped(this: unknown, ...args: unknown[]) {
        const text = textOf(this, args);
        if (typeof text === "string") note(name, text);
        return Reflect.apply(original, this, args);
      },
    });
  }

  return {
    start(): void {
      for (const name of ofStrings) wrap(String.prototype, name, (self) => self);
      for (const name of ofPatterns) wrap(RegExp.prototype, name, (_, [text]) => text);
    },
    stop(): void {
      for (const [prototype, name, original] of originals)
        Object.defineProperty(prototype, name, { configurable: true, writable: true, value: original });
    },
    reset: () => void found.splice(0),
    excesses: () => [...found],
  };
}
