type Entry = { dependencies?: Record<string, string>; devDependencies?: Record<string, string> };
type Lockfile = { packages: Record<string, Entry> };

export function startLock(lock: Lockfile): Lockfile;
export function findEntry(packages: Record<string, object>, from: string, name: string): string | undefined;
