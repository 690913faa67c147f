import scalar from "@scalar/fastify-api-reference";
import { shell } from "./layout.ts";

/** The page of the API reference: Scalar reads `openapi.json` beside it. */
export const referencePage = shell({
  output: "index.html",
  title: "API reference",
  start: "quick-start.html",
  reference: true,
  body: `<div id="main"><div id="reference"></div>
<noscript><p>The reference needs JavaScript. The same facts are in <a href="openapi.json">openapi.json</a>.</p></noscript></div>
<script src="assets/scalar.js"></script>
<script src="assets/reference.js"></script>`,
});

/**
 * Scalar for browsers, in one file. The package of its Fastify plugin is the one that brings it without the 240 MB of parts that
 * it was built from; a route of the plugin hands it out.
 */
export async function scalarScript(): Promise<string> {
  type Handler = (request: unknown, reply: unknown) => unknown;
  const routes: { url: string; handler: Handler }[] = [];
  const fastify = { route: (route: (typeof routes)[number]) => routes.push(route), hasPlugin: () => false };
  await scalar(fastify as never, { configuration: { url: "openapi.json" } } as never, () => {});
  const route = routes.find(({ url }) => url.endsWith(".js"));
  let script = "";
  const reply = {
    header: () => reply,
    send(body: string) {
      script = body;
      return reply;
    },
  };
  await route?.handler({}, reply);
  if (!script.includes("createApiReference")) throw new Error("Scalar's package has no script for browsers.");
  return script;
}
