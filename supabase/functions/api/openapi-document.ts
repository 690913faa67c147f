import { createApp } from "./app.ts";
import type { Deps } from "./context.ts";
import { securitySchemes, version } from "./openapi.ts";

/** The OpenAPI 3.1 document of the routes themselves. Needs no service: describing a route calls nothing. */
export function openApiDocument() {
  const app = createApp({ log: () => {} } as unknown as Deps);
  for (const [name, scheme] of Object.entries(securitySchemes)) {
    app.openAPIRegistry.registerComponent("securitySchemes", name, scheme);
  }
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Cloud API",
      version,
      description: "Accounts, projects, API keys, image generation and health for AI apps.",
      license: { name: "MIT", url: "https://opensource.org/license/mit" },
    },
    servers: [
      { url: "http://127.0.0.1:54321", description: "Local, after `npm start`" },
      {
        url: "https://{ref}.supabase.co/functions/v1",
        description: "Hosted Supabase",
        variables: { ref: { default: "project-ref", description: "The reference of the Supabase project." } },
      },
    ],
    tags: [
      { name: "Health", description: "Whether the service can serve." },
      { name: "Authentication", description: "Accounts and sessions." },
      { name: "Developer keys", description: "Keys that name a developer." },
      { name: "Projects", description: "Tenants of a developer." },
      { name: "API keys", description: "Keys that name a project." },
      { name: "Generation", description: "Pictures from words and pictures." },
    ],
  });
}
