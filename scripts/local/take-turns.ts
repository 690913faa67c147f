/** Makes works with the same key take turns, which lite does not do. */
export function takeTurns(): (key: string, work: () => Promise<void>) => Promise<void> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => {});
    last.set(key, settled);
    await turn.finally(() => {
      if (last.get(key) === settled) last.delete(key);
    });
  };
}
