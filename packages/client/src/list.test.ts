import { expect, test } from "vitest";
import { List, pageAfter } from "./list.ts";
import { apiServer, client, error, json } from "./testing/server.ts";

const server = apiServer();
const projects = Array.from({ length: 7 }, (_, at) => ({ id: `p${at}` }));

/** Answers with pages as the API does. */
function answerWithPages() {
  server.answer(({ path }) => {
    const query = new URLSearchParams(path.split("?")[1]);
    const size = Number(query.get("page_size"));
    const from = (Number(query.get("page")) - 1) * size;
    return json(projects.slice(from, from + size), { headers: { "X-Total-Count": String(projects.length) } });
  });
}

test("a list gives every item of every page, and requests no page after the last one", async () => {
  answerWithPages();
  const ids: string[] = [];
  for await (const { id } of client().projects.list({ page_size: 3 })) ids.push(id);
  expect(ids).toEqual(projects.map(({ id }) => id));
  expect(server.seen.map(({ path }) => path)).toEqual([
    "/api/v1/projects?page_size=3&page=1",
    "/api/v1/projects?page_size=3&page=2",
    "/api/v1/projects?page_size=3&page=3",
  ]);
});

test("a list requests nothing before it is read, and nothing after a break", async () => {
  answerWithPages();
  const list = client().projects.list({ page_size: 3 });
  expect(server.seen).toHaveLength(0);
  for await (const { id } of list) if (id === "p1") break;
  expect(server.seen).toHaveLength(1);
});

test("page() gives one page, its total and the next one; a list can be read twice", async () => {
  answerWithPages();
  const list = client().projects.list({ page_size: 3, page: 2 });
  const page = await list.page();
  expect(page).toMatchObject({ items: projects.slice(3, 6), total: 7 });
  const last = await page.next?.();
  expect(last).toEqual({ items: projects.slice(6), total: 7, next: null });
  expect(await list.all()).toEqual(projects.slice(3));
});

test("a list sends `per_page` as `page_size`", async () => {
  answerWithPages();
  await client().projects.list({ per_page: 4 }).all();
  expect(server.seen.map(({ path }) => path)).toEqual([
    "/api/v1/projects?page=1&page_size=4",
    "/api/v1/projects?page=2&page_size=4",
  ]);
});

test("a list sends its filters with every page", async () => {
  answerWithPages();
  await client().projects.list({ page_size: 3, search: "post cards", is_active: true }).all();
  for (const { path } of server.seen) expect(path).toContain("search=post+cards&is_active=true");
});

test("a loop over a list throws the error of a failed page", async () => {
  server.answer((_, call) =>
    call === 1 ? json(projects.slice(0, 3), { headers: { "X-Total-Count": "7" } }) : error(403, "x", "No."),
  );
  const seen: string[] = [];
  const loop = async () => {
    for await (const { id } of client().projects.list({ page_size: 3 })) seen.push(id);
  };
  await expect(loop()).rejects.toMatchObject({ status: 403 });
  expect(seen).toEqual(["p0", "p1", "p2"]);
});

test("a list that the API does not divide is one page", async () => {
  server.answer(() => json([{ id: "k1" }, { id: "k2" }]));
  expect(await client().apiKeys.list("p1").page()).toEqual({
    items: [{ id: "k1" }, { id: "k2" }],
    total: 2,
    next: null,
  });
});

test("an empty page ends a list, even if the server names a next page", async () => {
  const list = List.of(0, async (at) => ({ items: at === 0 ? ["a"] : [], total: null, next: at + 1 }));
  expect(await list.all()).toEqual(["a"]);
});

test.each([
  [1, 3, 3, 7, 2],
  [2, 3, 3, 7, 3],
  [3, 3, 1, 7, null],
  [1, 3, 3, 3, null],
  [9, 3, 0, 7, null],
  [1, 3, 0, 0, null],
])("page %i of size %i with %i of %i items is followed by %j", (page, size, count, total, next) => {
  expect(pageAfter(page, size, count, total)).toBe(next);
});
