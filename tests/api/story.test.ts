import { encode } from "fast-png";
import { expect, test } from "vitest";
import { api, registerDeveloper, registerEndUser } from "../support/api.ts";

const photo = () =>
  encode({
    width: 64,
    height: 48,
    channels: 3,
    data: new Uint8Array(64 * 48 * 3).map((_, at) => (at * 7) % 256),
  });

test("a photo and a prompt become a stored picture, whose URL opens without a header", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const form = new FormData();
  form.set("instructions", "Turn this into a watercolour");
  form.append("files", new Blob([photo() as BlobPart], { type: "image/png" }), "photo.png");
  const created = await api("/generation/generate-v2", { headers: user.headers, method: "POST", body: form });
  expect(created.status).toBe(200);
  expect(created.body).toMatchObject({
    status: "pending",
    instructions: "Turn this into a watercolour",
    is_public: false,
  });

  const done = await api(`/generation/${created.body.id}/status?wait=25`, { headers: user.headers });
  expect(done.body).toMatchObject({ status: "completed", charged: true, error: null });
  for (const address of [done.body.generated_image_url, ...done.body.example_images]) {
    const picture = await fetch(address);
    expect(picture.status).toBe(200);
    expect(picture.headers.get("content-type")).toBe("image/png");
  }
});

test("a prompt without a photo becomes a picture", async () => {
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const created = await api("/generation/generate-v2", {
    headers: user.headers,
    json: { prompt: "A lighthouse" },
  });
  expect(created.status).toBe(200);
  const done = await api(`/generation/${created.body.id}/status?wait=25`, { headers: user.headers });
  expect(done.body).toMatchObject({ status: "completed", example_images: [] });
});
