import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freshPrompt, photo } from "../support/generation.ts";
import { OwnGenerationStack } from "../support/own-generation-stack.ts";

const megabyte = 1024 * 1024;
let stack: OwnGenerationStack;
beforeAll(async () => {
  stack = await OwnGenerationStack.start();
});
afterAll(() => stack.stop());

/** The most memory that the function's process ever held, in MB. Linux. */
function peak(): number {
  const status = readFileSync(`/proc/${stack.functionProcess()}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function form(bytes: number): Promise<FormData> {
  const picture = new Uint8Array(bytes);
  picture.set(new Uint8Array(await photo().arrayBuffer()));
  const body = new FormData();
  body.append("instructions", freshPrompt());
  body.append("files", new Blob([picture], { type: "image/png" }), "photo.png");
  return body;
}

test("ten parallel uploads of 10 MB, three times over, stay under 256 MB in the function", async () => {
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const response = await fetch(`${stack.own.urls.api}/generation/generate-v2`, {
          method: "POST",
          headers: stack.headers,
          body: await form(10 * megabyte),
        });
        return `${response.status} ${(await response.text()).slice(0, 100)}`;
      }),
    );
    expect(answers.filter((answer) => !answer.startsWith("200"))).toEqual([]);
  }
  console.log(`The function held ${Math.round(peak())} MB at most.`);
  expect(peak()).toBeLessThan(256);
});
