// Serves the page, the SDK and the app's settings.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

const here = (path) => new URL(path, import.meta.url);
const { NEXT_PUBLIC_API_URL, DEVKIT4AI_DEVELOPER_KEY, DEVKIT4AI_PROJECT_ID, DEVKIT4AI_PROJECT_KEY } =
  process.env;
const settings = {
  url: NEXT_PUBLIC_API_URL,
  developerKey: DEVKIT4AI_DEVELOPER_KEY,
  projectId: DEVKIT4AI_PROJECT_ID,
  apiKey: DEVKIT4AI_PROJECT_KEY,
};

const files = {
  "/": ["text/html", () => readFile(here("index.html"))],
  "/client.js": [
    "text/javascript",
    () => readFile(here(process.env.CLIENT ?? "../../packages/client/dist/index.js")),
  ],
  "/settings.js": ["text/javascript", () => `export const settings = ${JSON.stringify(settings)};`],
};

const server = createServer(async (request, response) => {
  const [type, read] = files[request.url ?? ""] ?? [];
  if (read === undefined) return response.writeHead(404).end();
  const body = await read();
  response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` }).end(body);
});
server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
