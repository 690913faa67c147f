import type { Stack } from "./stack-facts.ts";

/** The data of the banner, for every kind of stack. */
export type BannerFacts = {
  urls: Omit<Stack["urls"], "smtp">;
  keys: Pick<Stack["keys"], "secret" | "publishable">;
  credentials: Stack["credentials"];
  database_url: string;
  paths: Stack["paths"];
  ready_after_ms: number;
  /** Whether the start page and the documentation are served beside the API. */
  own_pages?: boolean;
};

/** The output after the start: addresses, keys, the Starter Kit's `.env`, and three commands to paste. */
export function banner(
  stack: BannerFacts,
  { colour, notes = ownNotes }: { colour: boolean; notes?: string[] },
): string {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const { urls, credentials } = stack;
  const rows: [string, string][] = [
    ...pages(stack),
    ["Mail inbox", urls.inbox],
    ["Table editor", urls.studio],
    ["Database", stack.database_url],
    ["Pictures", picturesFrom(urls)],
    ["Secret key", stack.keys.secret],
    ["Publishable key", stack.keys.publishable],
    ["Operator key", credentials.operator_key],
    ["Developer key", credentials.developer_key],
    ["Project id", credentials.project_id],
    ["Project key", credentials.api_key],
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  const table = rows.map(([label, value]) => `  ${label.padEnd(width)}  ${paint(36, value)}`);
  const seconds = (stack.ready_after_ms / 1000).toFixed(1);
  const heading = (text: string) => paint(1, text);
  return [
    "",
    heading(`Cloud API is ready after ${seconds} s.`),
    "",
    ...table,
    "",
    heading("The Starter Kit's .env"),
    "",
    ...starterKitEnv(stack),
    "",
    heading("Register an end user, make a picture from a photo, show its status"),
    "",
    ...curlLines(stack),
    "",
    ...notes,
    "",
  ].join("\n");
}

/** The source of the pictures, so that nobody mistakes the stand-in's for a model's. */
export const picturesFrom = ({ replicate }: Pick<Stack["urls"], "replicate">): string =>
  replicate === undefined
    ? "made by Replicate, with your REPLICATE_API_TOKEN"
    : "drawn by the local stand-in; set REPLICATE_API_TOKEN for real ones";

const ownNotes = [
  "`npm start -- --keys` prints every key and secret again; each data folder has its own.",
  "Ctrl-C stops everything. The data stays for the next start; `npm start -- --fresh` deletes it.",
];

function pages({ urls, own_pages = true }: BannerFacts): [string, string][] {
  const api: [string, string] = ["API", urls.api];
  if (!own_pages) return [api];
  return [["Start page", urls.gateway], api, ["API reference", `${urls.gateway}/docs`]];
}

type App = {
  urls: Pick<Stack["urls"], "gateway">;
  credentials: Pick<Stack["credentials"], "developer_key" | "project_id" | "api_key">;
};

/** The `.env` lines of an app that calls this API. */
export function appEnv({ urls, credentials }: App): string[] {
  return [
    "DEVKIT4AI_MODE=project",
    `NEXT_PUBLIC_API_URL=${urls.gateway}`,
    `DEVKIT4AI_DEVELOPER_KEY=${credentials.developer_key}`,
    `DEVKIT4AI_PROJECT_ID=${credentials.project_id}`,
    `DEVKIT4AI_PROJECT_KEY=${credentials.api_key}`,
  ];
}

export function starterKitEnv({ urls, credentials }: Pick<BannerFacts, "urls" | "credentials">): string[] {
  return [
    ...appEnv({ urls, credentials }),
    "# The login of the demo developer, for the SDK's programs.",
    `DEVELOPER_EMAIL=${credentials.developer_email}`,
    `DEVELOPER_PASSWORD=${credentials.developer_password}`,
  ];
}

/** Three bash commands, to paste one after another. */
export function curlLines({
  urls,
  credentials,
  paths,
}: Pick<BannerFacts, "urls" | "credentials" | "paths">): string[] {
  const app = `-H 'X-Developer-Key: ${credentials.developer_key}' -H 'X-Project-ID: ${credentials.project_id}' -H 'X-API-Key: ${credentials.api_key}'`;
  // For a refusal it prints the sentence, so that the next command does not run with an empty value.
  const text = (name: string) => `s/.*"${name}":"\\([^"]*\\)".*/\\1/`;
  const field = (name: string) => `sed -n -e '${text(name)}p' -e '${text("detail")}w /dev/stderr'`;
  const photo = shellQuoted(`files=@"${paths.sample.replace(/["\\]/g, "\\$&")}";type=image/png`);
  const user = `"{\\"email\\":\\"demo-$(date +%s)@example.com\\",\\"password\\":\\"Demo-pass-1234\\"}"`;
  return [
    `TOKEN=$(curl -sS ${urls.api}/auth/register ${app} -H 'Content-Type: application/json' -d ${user} | ${field("access_token")}); echo "$TOKEN"`,
    `ID=$(curl -sS ${urls.api}/generation/generate-v2 ${app} -H "Authorization: Bearer $TOKEN" -F 'instructions=Turn this into a watercolour' -F ${photo} | ${field("id")}); echo "$ID"`,
    `curl -sS "${urls.api}/generation/$ID/status?wait=20" ${app} -H "Authorization: Bearer $TOKEN"`,
  ];
}

/** Quotes any text as one word of a shell. */
const shellQuoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
