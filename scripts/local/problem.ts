/** A failure that the user at the terminal can fix. Its message is one or two sentences with the fix. */
export class Problem extends Error {
  override name = "Problem";
}

/** The reason of any thrown value, in one line. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.split("\n")[0] ?? text;
}

const systemProblems: Record<string, string> = {
  ENOSPC: "The disk is full: free some space, then start again",
  EDQUOT: "Your disk quota is used up: free some space, then start again",
  EACCES: "This folder cannot be written by you: change its owner or permissions, then start again",
  EPERM: "This folder cannot be written by you: change its owner or permissions, then start again",
  EROFS: "The file system is read-only: use a checkout on a writable disk",
  ENOTDIR: "A file is in the way of this folder: move it, or use another folder",
  EMFILE: "Too many open files: raise the limit with `ulimit -n 4096`, then start again",
  EADDRINUSE: "Another program took a port of the stack: stop it or use another `--port`, then start again",
};

/** Turns an error of the file system or of a port into a `Problem`. Any other error is returned unchanged. */
export function explainSystemError(error: unknown, path: string): unknown {
  const code = (error as NodeJS.ErrnoException)?.code ?? "";
  const sentence = systemProblems[code];
  return sentence === undefined ? error : new Problem(`${sentence} (${path}, ${code}).`);
}

/** Runs work on a path. A failure of the file system becomes a `Problem`. */
export function onPath<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw explainSystemError(error, path);
  }
}
