import { expect, test } from "vitest";
import type { Deps } from "../../../context.ts";
import { cleanUp } from "./clean-up.ts";

test("predictions are canceled side by side, so a provider that hangs does not keep files from being removed", async () => {
  const kinds = ["prediction", "prediction", "prediction", "uploads"];
  const tasks = kinds.map((kind, id) => ({ id, kind, target: `${kind}-${id}`, generation_id: "g" }));
  const asked = Promise.withResolvers<void>();
  const canceled: string[] = [];
  const removed: string[] = [];
  const ended: number[][] = [];
  const deps = {
    database: {
      write: async (name: string, [ids]: [number[]]) => {
        if (name === "end_cleanup_tasks") ended.push(ids);
        return name === "claim_cleanup_tasks" ? tasks : null;
      },
    },
    replicate: {
      cancel: async (id: string) => {
        canceled.push(id);
        if (canceled.length === 3) asked.resolve();
        await asked.promise;
        if (id === "prediction-1") throw new Error("no answer");
      },
    },
    storage: { remove: async (_bucket: string, paths: string[]) => void removed.push(...paths) },
    log: () => {},
  } as unknown as Deps;
  expect(await cleanUp(deps)).toEqual({ checked: 4, failed: 1 });
  expect(removed).toEqual(["uploads-3"]);
  expect(ended.flat().sort()).toEqual([0, 2, 3]);
});
