import type { TestProject } from "vitest/node";
import { setup as startStack } from "./stack.ts";

type Shared = { users: number; provided: Map<string, unknown>; stop: Promise<() => Promise<void>> };
const holder = globalThis as typeof globalThis & { cloudApiStack?: Shared };

/** The globalSetup of every project with the stack. The first project starts it, and the last one stops it. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  if (holder.cloudApiStack === undefined) {
    const provided = new Map<string, unknown>();
    const recorder = {
      provide: (key: string, value: unknown) => provided.set(key, value),
    } as unknown as TestProject;
    holder.cloudApiStack = { users: 0, provided, stop: startStack(recorder) };
  }
  const shared = holder.cloudApiStack;
  shared.users++;
  const stop = await shared.stop;
  for (const [key, value] of shared.provided) project.provide(key as never, value as never);
  return async () => {
    shared.users--;
    if (shared.users > 0) return;
    delete holder.cloudApiStack;
    await stop();
  };
}
