import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Body, formOf, freshPrompt, photo } from "../support/generation.ts";
import { answer, type Behaviour, cutShort, OddProvider, redirect } from "../support/odd-provider.ts";
import { OwnGenerationStack } from "../support/own-generation-stack.ts";
import { until } from "../support/until.ts";

const provider = new OddProvider();
let stack: OwnGenerationStack;
let picture: Uint8Array;

beforeAll(async () => {
  await provider.start();
  stack = await OwnGenerationStack.start({ function_env: provider.env });
  picture = new Uint8Array(await photo(3).arrayBuffer());
});
afterAll(async () => {
  await stack?.stop();
  await provider.stop();
});

const isAccepted = (id: string) => async () => (await stack.rowOf(id)).submission === "accepted";
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

/** Creates a generation whose prediction reads as `plan`. */
async function create(plan: Record<string, unknown> | Behaviour): Promise<{ id: string; prompt: string }> {
  const prompt = freshPrompt();
  provider.plans.set(prompt, plan);
  const { id } = await stack.makeGeneration(prompt, stack.headers);
  await until("the provider has accepted it", isAccepted(id));
  return { id, prompt };
}

async function reconcileOnce(id: string): Promise<Body> {
  await stack.makeDue(id);
  await stack.reconcile();
  return (await stack.readStatus(id, stack.headers)).body;
}

const succeeded = (output: unknown, more: Record<string, unknown> = {}) => ({
  status: "succeeded",
  output,
  completed_at: ago(0),
  metrics: { predict_time: 1.5 },
  ...more,
});
const base64 = () => Buffer.from(picture).toString("base64");
const ok = (): Behaviour => answer(200, picture);

describe("outputs with a picture", () => {
  test.each<[string, () => unknown, number]>([
    ["a URL", () => provider.file(ok()), 1],
    ["a list of URLs", () => [provider.file(ok()), provider.file(ok())], 2],
    ["nested lists", () => [[provider.file(ok())], [[provider.file(ok())]]], 2],
    ["{image}", () => ({ image: provider.file(ok()), seed: 7 }), 1],
    ["{images: […]}", () => ({ images: [provider.file(ok()), provider.file(ok())] }), 2],
    ["[{url}]", () => [{ url: provider.file(ok()), type: "image" }], 1],
    ["a data: URL", () => `data:image/png;base64,${base64()}`, 1],
    ["a list of data: URLs", () => [`data:application/octet-stream;base64,${base64()}`], 1],
    ["a URL that redirects", () => provider.file(redirect(provider.file(ok()))), 1],
    [
      "a URL with a relative redirect",
      () => provider.file(redirect(new URL(provider.file(ok())).pathname)),
      1,
    ],
    ["a picture and a lost file", () => [provider.file(answer(404)), provider.file(ok())], 1],
    [
      "a picture and a URL of a host that is not allowed",
      () => [`http://${provider.otherHost}/a.png`, provider.file(ok())],
      1,
    ],
    [
      "a picture with the content type of text",
      () => provider.file(answer(200, picture, { "content-type": "text/plain" })),
      1,
    ],
  ])("a generation whose output is %s completes with its pictures", async (_, output, count) => {
    const { id, prompt } = await create(succeeded(output()));
    expect(await reconcileOnce(id)).toMatchObject({ status: "completed", charged: true });
    const row = await stack.expectSettled(id, prompt, "completed");
    expect(row.outputs).toHaveLength(count);
    expect(provider.creates(prompt)).toHaveLength(1);
  });
});

describe("permanent failures", () => {
  const gif = () => Buffer.from("GIF89a\x01\0\x01\0", "latin1");
  const avif = () => Buffer.from("\0\0\0\x20ftypavif\0\0\0\0avifmif1", "latin1");
  test.each<[string, string, () => Record<string, unknown>]>([
    ["text instead of a URL", "output_invalid", () => succeeded("A lighthouse, painted")],
    ["no output", "output_invalid", () => succeeded(null)],
    ["an empty list", "output_invalid", () => succeeded([])],
    ["a path", "output_invalid", () => succeeded("/files/out.png")],
    [
      "an empty list whose log says that it was blocked",
      "content_blocked",
      () => succeeded([], { logs: "NSFW content detected in image 0\n" }),
    ],
    ["removed data", "output_lost", () => succeeded(null, { data_removed: true })],
    ["a URL of another host", "output_not_allowed", () => succeeded(`http://${provider.otherHost}/out.png`)],
    [
      "a redirect to another host",
      "output_not_allowed",
      () => succeeded(provider.file(redirect(`http://${provider.otherHost}/out.png`))),
    ],
    [
      "a redirect to a private address",
      "output_not_allowed",
      () => succeeded(provider.file(redirect("http://169.254.169.254/latest"))),
    ],
    [
      "a redirect to a file: URL",
      "output_not_allowed",
      () => succeeded(provider.file(redirect("file:///etc/passwd"))),
    ],
    [
      "a redirect loop",
      "output_lost",
      () => {
        const name = `${freshPrompt("circle").replace(" ", "-")}.png`;
        return succeeded(provider.file(redirect(`/files/${name}`), name));
      },
    ],
    ["a file that answers 401", "output_lost", () => succeeded(provider.file(answer(401)))],
    ["a file that answers 403", "output_lost", () => succeeded(provider.file(answer(403)))],
    ["a file that answers 404", "output_lost", () => succeeded(provider.file(answer(404)))],
    ["a file that answers 410", "output_lost", () => succeeded(provider.file(answer(410)))],
    ["an AVIF file", "output_unsupported", () => succeeded(provider.file(answer(200, avif())))],
    ["a GIF file", "output_unsupported", () => succeeded(provider.file(answer(200, gif())))],
    [
      "a GIF in a data: URL",
      "output_unsupported",
      () => succeeded(`data:image/gif;base64,${gif().toString("base64")}`),
    ],
    [
      "an HTML page",
      "output_invalid",
      () => succeeded(provider.file(answer(200, "<!doctype html><title>Sign in</title>"))),
    ],
    ["an empty file", "output_invalid", () => succeeded(provider.file(answer(200)))],
    ["an aborted prediction", "provider_aborted", () => ({ status: "aborted", error: null })],
    ["a prediction blocked as NSFW", "content_blocked", () => ({ status: "failed", error: "NSFW" })],
    [
      "a broken safety filter",
      "prediction_failed",
      () => ({ status: "failed", error: "safety_checker/model.bin not found" }),
    ],
    [
      "a failure without a reason",
      "prediction_failed",
      () => ({ status: "failed", error: null, metrics: { predict_time: "soon" } }),
    ],
  ])("a generation that ends with %s fails at once with %s, and is not charged", async (_, code, plan) => {
    const { id, prompt } = await create(plan());
    const ended = await reconcileOnce(id);
    expect(ended).toMatchObject({ status: "failed", error_code: code, charged: false });
    expect(ended.error).toMatch(/not charged/);
    await stack.expectSettled(id, prompt, "failed");
    expect((await stack.rowOf(id)).next_check_at).toBeNull();
    if (code === "output_unsupported") expect(ended.error).toMatch(/AVIF|GIF/);
    expect(provider.requests.some((request) => request.includes("169.254"))).toBe(false);
  });
});

describe("temporary failures", () => {
  test.each<[string, () => Behaviour]>([
    ["500", () => answer(500)],
    ["503", () => answer(503)],
    ["429", () => answer(429)],
    ["half of the file", () => cutShort(picture)],
    ["a cut connection", () => (response) => void response.destroy()],
  ])("a generation whose file first gives %s completes once the file is there", async (_, behaviour) => {
    let isOver = false;
    const address = provider.file((response) => (isOver ? ok() : behaviour())(response));
    const { id, prompt } = await create(succeeded(address));
    expect(await reconcileOnce(id)).toMatchObject({ status: "processing", charged: true });
    isOver = true;
    expect(await reconcileOnce(id)).toMatchObject({ status: "completed", charged: true });
    await stack.expectSettled(id, prompt, "completed");
  });

  test.each<[string, () => Behaviour]>([
    ["500", () => answer(500)],
    ["429", () => answer(429)],
    ["half of the file", () => cutShort(picture)],
    ["a cut connection", () => (response) => void response.destroy()],
  ])(
    "a generation whose file keeps giving %s fails 50 minutes after the prediction's end, and is refunded",
    async (_, behaviour) => {
      const address = provider.file(behaviour());
      const { id, prompt } = await create(succeeded(address));
      expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
      provider.plans.set(prompt, succeeded(address, { completed_at: ago(49) }));
      expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
      provider.plans.set(prompt, succeeded(address, { completed_at: ago(51) }));
      expect(await reconcileOnce(id)).toMatchObject({
        status: "failed",
        error_code: "output_lost",
        charged: false,
      });
      await stack.expectSettled(id, prompt, "failed");
      const asked = provider.countRequests(new URL(address).pathname);
      await stack.reconcile();
      expect(provider.countRequests(new URL(address).pathname)).toBe(asked);
    },
  );

  test("a generation whose prediction has no end time and no readable file fails 50 minutes after it was sent", async () => {
    const plan = succeeded(provider.file(answer(500)), { completed_at: null });
    const { id } = await create(plan);
    expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
    await stack.makeOlder(id, "51 minutes");
    expect(await reconcileOnce(id)).toMatchObject({ status: "failed", error_code: "output_lost" });
  });

  test.each<[string, Behaviour]>([
    ["500", answer(500)],
    ["401", answer(401)],
    ["no JSON", answer(200, "<html>")],
    ["null", answer(200, "null")],
    ["a cut connection", (response) => void response.destroy()],
  ])(
    "a generation whose prediction always reads as %s fails after 100 minutes, and is refunded",
    async (_, behaviour) => {
      const { id, prompt } = await create(behaviour);
      expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
      await stack.makeOlder(id, "99 minutes");
      expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
      await stack.makeOlder(id, "2 minutes");
      expect(await reconcileOnce(id)).toMatchObject({
        status: "failed",
        error_code: "provider_unavailable",
        charged: false,
      });
      await stack.expectSettled(id, prompt, "failed");
    },
  );

  test("a generation whose prediction has an unknown status is stopped after an hour, and is refunded", async () => {
    const { id, prompt } = await create({ status: "thinking" });
    await stack.makeOlder(id, "61 minutes");
    expect(await reconcileOnce(id)).toMatchObject({
      status: "failed",
      error_code: "timed_out",
      charged: false,
    });
    await stack.expectSettled(id, prompt, "failed");
  });

  test("a generation whose result Storage refuses fails with output_not_stored, and is refunded", async () => {
    await stack.sql.unsafe(`
      create or replace function public.refuse() returns trigger language plpgsql as $$
      begin
        if new.bucket_id = 'generations' then raise exception 'disk full' using errcode = '53100'; end if;
        return new;
      end $$;
      create trigger refuse before insert or update on storage.objects for each row execute function public.refuse();`);
    const address = provider.file(ok());
    const { id, prompt } = await create(succeeded(address));
    expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
    provider.plans.set(prompt, succeeded(address, { completed_at: ago(51) }));
    expect(await reconcileOnce(id)).toMatchObject({
      status: "failed",
      error_code: "output_not_stored",
      charged: false,
    });
    await stack.sql.unsafe("drop trigger refuse on storage.objects");
    await stack.expectSettled(id, prompt, "failed");
  });
});

test("a generation whose photo is deleted before it is sent fails with input_unreadable, and is never sent", async () => {
  const prompt = freshPrompt();
  let isRefused = false;
  provider.refusals.set(prompt, (answered) => {
    isRefused = true;
    answer(429, "", { "retry-after": "1" })(answered);
  });
  const response = await fetch(`${stack.own.urls.api}/generation/generate-v2`, {
    method: "POST",
    headers: stack.headers,
    body: formOf(prompt),
  });
  const { id } = (await response.json()) as Body;
  await until(
    "the provider has refused it",
    async () => isRefused && (await stack.rowOf(id)).submission === "waiting",
  );
  const [file] = (await stack.rowOf(id)).example_images;
  await fetch(`${stack.own.urls.gateway}/storage/v1/object/uploads`, {
    method: "DELETE",
    headers: {
      apikey: stack.own.keys.secret,
      Authorization: `Bearer ${stack.own.keys.service_role}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ prefixes: [file.path] }),
  });
  await until(
    "its picture is gone",
    () => stack.filesOf(id),
    ({ length }) => length === 0,
  );
  provider.refusals.delete(prompt);
  expect(await stack.reconcileUntilEnd(id, stack.headers)).toMatchObject({
    status: "failed",
    error_code: "input_unreadable",
    charged: false,
  });
  expect(provider.creates(prompt)).toEqual([]);
});
