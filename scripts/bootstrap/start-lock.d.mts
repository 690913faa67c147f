type Entry = { dependencies?: Record<string, string>; devDependencies?: Record<string, string> };
type Lockfile = { packages: Record<string, Entry> };

export function startLock(lock: Lockfile): Lockfile;
