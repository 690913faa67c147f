import type { MakeScenario } from "../scenario.ts";
import { scenario as createGeneration } from "./create-generation.ts";
import { scenario as createProject } from "./create-project.ts";
import { scenario as listByCursor } from "./list-cursor.ts";
import { scenario as listDeepPage } from "./list-deep-page.ts";
import { scenario as listFirstPage } from "./list-first-page.ts";
import { scenario as login } from "./login.ts";
import { scenario as me } from "./me.ts";
import { scenario as publicList } from "./public-list.ts";
import { scenario as publicListOfAll } from "./public-list-of-all.ts";
import { mistyped, revoked, unknown } from "./refused-keys.ts";
import { scenario as status } from "./status.ts";

export const reads: MakeScenario[] = [
  me,
  status,
  listFirstPage,
  listByCursor,
  listDeepPage,
  publicList,
  publicListOfAll,
];
export const refusals: MakeScenario[] = [mistyped, unknown, revoked];
export const changes: MakeScenario[] = [createProject, createGeneration, login];
