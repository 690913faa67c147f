/** The quantile: the value below which `share` of the values are. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The medians of the second and of the last quarter. The first quarter is a warm-up. */
export function earlyAndLate(samples: readonly number[]): { early: number; late: number } {
  const quarter = Math.floor(samples.length / 4);
  return {
    early: percentile(samples.slice(quarter, 2 * quarter), 0.5),
    late: percentile(samples.slice(-quarter), 0.5),
  };
}

/** Whether memory grows by at most a fifth or 20 MB. Fewer than four samples count as flat. */
export function isFlat(samples_mb: readonly number[]): boolean {
  const { early, late } = earlyAndLate(samples_mb);
  return samples_mb.length < 4 || late <= early + Math.max(20, early / 5);
}
