import { expect, test } from "vitest";
import { RememberingRouter } from "./router.ts";

const [one, other] = ["7d1fd0a6-9a5d-4f0e-8f2c-0a8d0c6c3f7e", "5d3c8c1e-7b52-4c55-9a38-1d60f0b9a001"];

function routed() {
  const router = new RememberingRouter<string>();
  router.add("ALL", "*", "all");
  router.add("GET", "/projects/users", "users");
  router.add("GET", "/projects/:project_id", "project");
  router.add("GET", "/projects/:project_id/users/:user_id", "user");
  router.add("GET", "/projects/:project_id/examples/:index", "example");
  return router;
}

test.each([
  ["/projects/users", "users", {}],
  [`/projects/${one}`, "project", { project_id: one }],
  [`/projects/x${one}`, "project", { project_id: `x${one}` }],
  ["/projects/none", "project", { project_id: "none" }],
  [`/projects/${one}/users/${other}`, "user", { project_id: one, user_id: other }],
  [`/projects/${one}/users/${one}`, "user", { project_id: one, user_id: one }],
  [`/projects/${one}/examples/3`, "example", { project_id: one, index: "3" }],
  [`/projects/${other}/examples/4`, "example", { project_id: other, index: "4" }],
])("%s has the same handlers and parameters each time, and after another id", (path, handler, parameters) => {
  const router = routed();
  router.match("GET", path.replaceAll(one, crypto.randomUUID()).replaceAll(other, crypto.randomUUID()));
  for (let time = 0; time < 3; time++) {
    const [found] = router.match("GET", path);
    expect(found.map(([name]) => name)).toContain(handler);
    expect({ ...found.find(([name]) => name === handler)?.[1] }).toEqual(parameters);
  }
});

test("what one method or path has is not taken for another's", () => {
  const router = routed();
  expect(router.match("GET", "/projects/users")[0].map(([name]) => name)).toContain("users");
  expect(router.match("POST", "/projects/users")[0].map(([name]) => name)).toEqual(["all"]);
  expect(router.match("GET", `/projects/${one}/users`)[0].map(([name]) => name)).toEqual(["all"]);
  router.add("GET", `/projects/:project_id/users`, "late");
  expect(router.match("GET", `/projects/${other}/users`)[0].map(([name]) => name)).toContain("late");
});
