import { createRouter } from "../router.ts";

/** The OpenAPI document for generators and HTTP clients. Its only server is this deployment. */
export const openApiPage = createRouter();

const made = new Map<string, string>();

openApiPage.get("/api/v1/openapi.json", async (c) => {
  const { public_url } = c.get("deps").env;
  let text = made.get(public_url);
  if (text === undefined) {
    // Loaded only when requested, since most isolates never need it.
    const { openApi } = await import("../openapi.gen.ts");
    text = JSON.stringify({ ...JSON.parse(openApi), servers: [{ url: public_url }] });
    made.set(public_url, text);
  }
  return c.body(text, 200, { "Content-Type": "application/json" });
});
