import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Body, formOf, freshPrompt, photo, until } from "../support/generation.ts";
import { answers, type Behaviour, cutsShort, OddProvider, redirects } from "../support/odd-provider.ts";
import { OwnGenerationStack } from "../support/own-generation-stack.ts";

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

const isAccepted = (id: string) => async () => (await stack.row(id)).submission === "accepted";
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();

/** A generation whose prediction, from its first reading on, says `said`. */
async function create(said: Record<string, unknown> | Behaviour): Promise<{ id: string; prompt: string }> {
  const prompt = freshPrompt();
  provider.plans.set(prompt, said);
  const { id } = await stack.created(prompt, stack.headers);
  await until(isAccepted(id), "the provider has it");
  return { id, prompt };
}

async function reconcileOnce(id: string): Promise<Body> {
  await stack.due(id);
  await stack.reconcile();
  return (await stack.status(id, stack.headers)).body;
}

const succeeded = (output: unknown, more: Record<string, unknown> = {}) => ({
  status: "succeeded",
  output,
  completed_at: ago(0),
  metrics: { predict_time: 1.5 },
  ...more,
});
const base64 = () => Buffer.from(picture).toString("base64");
const ok = (): Behaviour => answers(200, picture);

describe("an output of any shape that holds a picture is that picture", () => {
  test.each<[string, () => unknown, number]>([
    ["an address", () => provider.file(ok()), 1],
    ["a list", () => [provider.file(ok()), provider.file(ok())], 2],
    ["nested lists", () => [[provider.file(ok())], [[provider.file(ok())]]], 2],
    ["{image}", () => ({ image: provider.file(ok()), seed: 7 }), 1],
    ["{images: […]}", () => ({ images: [provider.file(ok()), provider.file(ok())] }), 2],
    ["[{url}]", () => [{ url: provider.file(ok()), type: "image" }], 1],
    ["a data: address", () => `data:image/png;base64,${base64()}`, 1],
    ["data: addresses in a list", () => [`data:application/octet-stream;base64,${base64()}`], 1],
    ["behind a redirect", () => provider.file(redirects(provider.file(ok()))), 1],
    ["behind a relative redirect", () => provider.file(redirects(new URL(provider.file(ok())).pathname)), 1],
    ["a picture beside a lost one", () => [provider.file(answers(404)), provider.file(ok())], 1],
    [
      "a picture beside one that may not be fetched",
      () => [`http://${provider.other_host}/a.png`, provider.file(ok())],
      1,
    ],
    [
      "a picture that is announced as text",
      () => provider.file(answers(200, picture, { "content-type": "text/plain" })),
      1,
    ],
  ])("%s", async (_, output, count) => {
    const { id, prompt } = await create(succeeded(output()));
    expect(await reconcileOnce(id)).toMatchObject({ status: "completed", charged: true });
    const row = await stack.expectSettled(id, prompt, "completed");
    expect(row.outputs).toHaveLength(count);
    expect(provider.creates(prompt)).toHaveLength(1);
  });
});

describe("what no second look can change ends at the first, with the true reason, and is not charged", () => {
  const gif = () => Buffer.from("GIF89a\x01\0\x01\0", "latin1");
  const avif = () => Buffer.from("\0\0\0\x20ftypavif\0\0\0\0avifmif1", "latin1");
  test.each<[string, string, () => Record<string, unknown>]>([
    ["text instead of an address", "output_invalid", () => succeeded("A lighthouse, painted")],
    ["nothing", "output_invalid", () => succeeded(null)],
    ["an empty list", "output_invalid", () => succeeded([])],
    ["a path", "output_invalid", () => succeeded("/files/out.png")],
    [
      "an empty list, blocked as its log tells",
      "content_blocked",
      () => succeeded([], { logs: "NSFW content detected in image 0\n" }),
    ],
    ["data that was removed", "output_lost", () => succeeded(null, { data_removed: true })],
    ["another host", "output_not_allowed", () => succeeded(`http://${provider.other_host}/out.png`)],
    [
      "a redirect to another host",
      "output_not_allowed",
      () => succeeded(provider.file(redirects(`http://${provider.other_host}/out.png`))),
    ],
    [
      "a redirect inside",
      "output_not_allowed",
      () => succeeded(provider.file(redirects("http://169.254.169.254/latest"))),
    ],
    [
      "a redirect to a file",
      "output_not_allowed",
      () => succeeded(provider.file(redirects("file:///etc/passwd"))),
    ],
    [
      "a redirect in a circle",
      "output_lost",
      () => {
        const name = `${freshPrompt("circle").replace(" ", "-")}.png`;
        return succeeded(provider.file(redirects(`/files/${name}`), name));
      },
    ],
    ["401", "output_lost", () => succeeded(provider.file(answers(401)))],
    ["403", "output_lost", () => succeeded(provider.file(answers(403)))],
    ["404", "output_lost", () => succeeded(provider.file(answers(404)))],
    ["410", "output_lost", () => succeeded(provider.file(answers(410)))],
    ["an AVIF", "output_unsupported", () => succeeded(provider.file(answers(200, avif())))],
    ["a GIF", "output_unsupported", () => succeeded(provider.file(answers(200, gif())))],
    [
      "a GIF as a data: address",
      "output_unsupported",
      () => succeeded(`data:image/gif;base64,${gif().toString("base64")}`),
    ],
    [
      "a page",
      "output_invalid",
      () => succeeded(provider.file(answers(200, "<!doctype html><title>Sign in</title>"))),
    ],
    ["an empty file", "output_invalid", () => succeeded(provider.file(answers(200)))],
    ["aborted before it began", "provider_aborted", () => ({ status: "aborted", error: null })],
    ["blocked", "content_blocked", () => ({ status: "failed", error: "NSFW" })],
    [
      "a filter that is broken",
      "prediction_failed",
      () => ({ status: "failed", error: "safety_checker/model.bin not found" }),
    ],
    [
      "failed without a word",
      "prediction_failed",
      () => ({ status: "failed", error: null, metrics: { predict_time: "soon" } }),
    ],
  ])("%s: %s", async (_, code, said) => {
    const { id, prompt } = await create(said());
    const ended = await reconcileOnce(id);
    expect(ended).toMatchObject({ status: "failed", error_code: code, charged: false });
    expect(ended.error).toMatch(/not charged/);
    await stack.expectSettled(id, prompt, "failed");
    expect((await stack.row(id)).next_check_at).toBeNull();
    if (code === "output_unsupported") expect(ended.error).toMatch(/AVIF|GIF/);
    expect(provider.asked.some((asked) => asked.includes("169.254"))).toBe(false);
  });
});

describe("what may pass is waited for, until the provider would have deleted it", () => {
  test.each<[string, () => Behaviour]>([
    ["500", () => answers(500)],
    ["503", () => answers(503)],
    ["429", () => answers(429)],
    ["cut short", () => cutsShort(picture)],
    ["the network", () => (response) => void response.destroy()],
  ])("%s: completed once it is over", async (_, behaviour) => {
    let isOver = false;
    const address = provider.file((response) => (isOver ? ok() : behaviour())(response));
    const { id, prompt } = await create(succeeded(address));
    expect(await reconcileOnce(id)).toMatchObject({ status: "processing", charged: true });
    isOver = true;
    expect(await reconcileOnce(id)).toMatchObject({ status: "completed", charged: true });
    await stack.expectSettled(id, prompt, "completed");
  });

  test.each<[string, () => Behaviour]>([
    ["500", () => answers(500)],
    ["429", () => answers(429)],
    ["cut short", () => cutsShort(picture)],
    ["the network", () => (response) => void response.destroy()],
  ])(
    "%s: failed 50 minutes after the prediction's end, refunded, and looked at no more",
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
      const asked = provider.asks(new URL(address).pathname);
      await stack.reconcile();
      expect(provider.asks(new URL(address).pathname)).toBe(asked);
    },
  );

  test("a prediction that tells no time is given up 50 minutes after it was sent", async () => {
    const said = succeeded(provider.file(answers(500)), { completed_at: null });
    const { id } = await create(said);
    expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
    await stack.setBack(id, "51 minutes");
    expect(await reconcileOnce(id)).toMatchObject({ status: "failed", error_code: "output_lost" });
  });

  test.each<[string, Behaviour]>([
    ["500", answers(500)],
    ["401", answers(401)],
    ["no JSON", answers(200, "<html>")],
    ["null", answers(200, "null")],
    ["a cut connection", (response) => void response.destroy()],
  ])("a prediction whose reading gives %s ends after 100 minutes", async (_, behaviour) => {
    const { id, prompt } = await create(behaviour);
    expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
    await stack.setBack(id, "99 minutes");
    expect(await reconcileOnce(id)).toMatchObject({ status: "processing" });
    await stack.setBack(id, "2 minutes");
    expect(await reconcileOnce(id)).toMatchObject({
      status: "failed",
      error_code: "provider_unavailable",
      charged: false,
    });
    await stack.expectSettled(id, prompt, "failed");
  });

  test("a prediction that never says that it ended is stopped after an hour", async () => {
    const { id, prompt } = await create({ status: "thinking" });
    await stack.setBack(id, "61 minutes");
    expect(await reconcileOnce(id)).toMatchObject({
      status: "failed",
      error_code: "timed_out",
      charged: false,
    });
    await stack.expectSettled(id, prompt, "failed");
  });

  test("a result that our own storage does not take ends by that name", async () => {
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

test("pictures that are gone before they could be sent end the generation, and nothing is sent", async () => {
  const prompt = freshPrompt();
  provider.refusals.set(prompt, answers(429, "", { "retry-after": "1" }));
  const response = await fetch(`${stack.own.urls.api}/generation/generate-v2`, {
    method: "POST",
    headers: stack.headers,
    body: formOf(prompt),
  });
  const { id } = (await response.json()) as Body;
  await until(async () => (await stack.row(id)).submission === "waiting", "it waits");
  const [file] = (await stack.row(id)).example_images;
  await fetch(`${stack.own.urls.gateway}/storage/v1/object/uploads`, {
    method: "DELETE",
    headers: {
      apikey: stack.own.keys.secret,
      Authorization: `Bearer ${stack.own.keys.service_role}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ prefixes: [file.path] }),
  });
  await until(async () => (await stack.files(id)).length === 0, "its picture is gone");
  provider.refusals.delete(prompt);
  expect(await reconcileOnce(id)).toMatchObject({
    status: "failed",
    error_code: "input_unreadable",
    charged: false,
  });
  expect(provider.creates(prompt)).toEqual([]);
});
