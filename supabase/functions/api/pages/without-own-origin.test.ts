import { expect, test } from "vitest";
import { withoutOwnOrigin } from "./without-own-origin.ts";

const env = {
  public_url: "https://api.example.com/functions/v1",
  pages_url: "https://pages.example.com/auth",
};

test.each(["https://api.example.com", "https://pages.example.com"])(
  "the origin %s of the API's own pages is removed from the credentials",
  (origin) => {
    const credentials = Object.freeze({ origin, from_browser: true, project_id: "p" });
    expect(withoutOwnOrigin(credentials, env)).toEqual({ from_browser: true, project_id: "p" });
  },
);

test.each(["https://app.example.com", "http://api.example.com", "null", undefined])(
  "the origin %s of an app stays in the credentials",
  (origin) => {
    const credentials = { ...(origin !== undefined && { origin }), project_id: "p" };
    expect(withoutOwnOrigin(credentials, env)).toBe(credentials);
  },
);
