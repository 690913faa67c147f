/** A process that was busy itself reads what has arrived before it calls an answer late. */
const graceMs = 5;

/** What the work gives. The work itself goes on after the time. @throws what `late` gives, after `ms` */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      timer = setTimeout(() => reject(late()), graceMs);
    }, ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
