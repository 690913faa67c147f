import type { Target } from "./target.ts";

export type Finding = {
  /** The subject of the check, in a word or two. */
  about: string;
  status: "ok" | "warn" | "fail";
  says: string;
  /** What to do about it; a command where there is one. */
  fix?: string;
};

export type Check = (target: Target) => Promise<Finding[]>;

export const ok = (about: string, says: string): Finding => ({ about, status: "ok", says });
export const warn = (about: string, says: string, fix: string): Finding => ({
  about,
  status: "warn",
  says,
  fix,
});
export const fail = (about: string, says: string, fix: string): Finding => ({
  about,
  status: "fail",
  says,
  fix,
});
