import { afterAll, expect, inject, test } from "vitest";
import { api, registerDeveloper, registerEndUser } from "../support/api.ts";
import { type Body, formOf, freshPrompt, GenerationStack } from "../support/generation.ts";
import { operatorHeaders } from "../support/management.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

test("deactivating a developer hides the pictures of their projects at once, and activating shows them again", async () => {
  const developer = await registerDeveloper();
  const { project } = developer;
  const user = await registerEndUser(project);
  const created = await api("/generation/generate-v2", {
    method: "POST",
    headers: user.headers,
    body: formOf(freshPrompt()),
  });
  const { id } = created.body;
  const done = await stack.waitForEnd(id, user.headers);
  const [ticket, example] = [done.generated_image_url, done.example_images[0]];
  await api(`/generation/${id}/public`, {
    method: "PATCH",
    headers: user.headers,
    json: { is_public: true },
  });
  const addresses = [ticket, example, `${stack.target.urls.api}/generation/${id}/image`];
  const statuses = () =>
    Promise.all(addresses.map(async (url) => (await fetch(url, { redirect: "manual" })).status));
  const listed = async () => {
    const { body } = await api(`/generation/public?project_id=${project.id}`);
    return body.generations.length as number;
  };
  expect([await statuses(), await listed()]).toEqual([[302, 302, 302], 1]);

  await stack.sql`update public.users set deactivated_at = now() where id = ${developer.id}`;
  expect([await statuses(), await listed()]).toEqual([[404, 404, 404], 0]);
  expect((await stack.readStatus(id, user.headers)).status).toBe(403);

  await stack.sql`update public.users set deactivated_at = null where id = ${developer.id}`;
  expect([await statuses(), await listed()]).toEqual([[302, 302, 302], 1]);
});

const patch = (path: string, headers: Record<string, string>, json: Body) =>
  api(path, { method: "PATCH", headers, json });

test("only an operator can activate a project that an operator deactivated", async () => {
  const { headers, project } = await registerDeveloper();
  const path = `/projects/${project.id}`;
  expect((await patch(path, operatorHeaders, { is_active: false })).body).toMatchObject({
    is_active: false,
    is_suspended: true,
  });
  for (const method of ["PATCH", "PUT"]) {
    const refused = await api(path, { method, headers, json: { is_active: true, name: "Mine" } });
    expect([refused.status, refused.body.code]).toEqual([403, "project_suspended"]);
  }
  expect((await patch(path, headers, { name: "Mine" })).body).toMatchObject({
    name: "Mine",
    is_active: false,
  });
  expect((await patch(path, headers, { is_active: false })).status).toBe(200);
  // Deleting and restoring the project does not help the owner either.
  await api(path, { method: "DELETE", headers });
  const restored = await api(`${path}/restore`, { method: "POST", headers });
  expect(restored.body).toMatchObject({ is_active: false, is_suspended: true });
  expect((await patch(path, headers, { is_active: true })).status).toBe(403);

  const opened = await patch(path, operatorHeaders, { is_active: true });
  expect(opened.body).toMatchObject({ is_active: true, is_suspended: false });
  // The owner can activate a project that the owner deactivated.
  await patch(path, headers, { is_active: false });
  expect((await patch(path, headers, { is_active: true })).body).toMatchObject({ is_active: true });
});

test("an operator can also suspend a project that its owner has deactivated", async () => {
  const { headers, project } = await registerDeveloper();
  await patch(`/projects/${project.id}`, headers, { is_active: false });
  await patch(`/projects/${project.id}`, operatorHeaders, { is_active: false });
  expect((await patch(`/projects/${project.id}`, headers, { is_active: true })).body.code).toBe(
    "project_suspended",
  );
});

test("only an operator can restore a project that an operator deleted", async () => {
  const { headers, project } = await registerDeveloper();
  const path = `/projects/${project.id}`;
  await api(path, { method: "DELETE", headers: operatorHeaders });
  const refused = await api(`${path}/restore`, { method: "POST", headers });
  expect([refused.status, refused.body.code]).toEqual([403, "project_suspended"]);
  expect((await api(path, { headers })).status).toBe(404);
  expect((await api(`${path}/restore`, { method: "POST", headers: operatorHeaders })).status).toBe(200);
  expect((await api(path, { headers })).body).toMatchObject({ is_active: true });
  await api(path, { method: "DELETE", headers });
  expect((await api(`${path}/restore`, { method: "POST", headers })).status).toBe(200);
});

test("only an operator can activate a user whom an operator deactivated", async () => {
  const { headers, project } = await registerDeveloper();
  const user = await registerEndUser(project);
  const path = `/projects/${project.id}/users/${user.id}`;
  expect((await patch(path, operatorHeaders, { is_active: false })).body).toMatchObject({ is_active: false });
  const refused = await patch(path, headers, { is_active: true });
  expect([refused.status, refused.body.code]).toEqual([403, "account_suspended"]);
  expect((await patch(path, headers, { is_active: false })).status).toBe(200);
  expect((await patch(path, headers, { is_active: true })).status).toBe(403);
  expect((await patch(path, operatorHeaders, { is_active: true })).body).toMatchObject({ is_active: true });
  await patch(path, headers, { is_active: false });
  expect((await patch(path, headers, { is_active: true })).body).toMatchObject({ is_active: true });
});
