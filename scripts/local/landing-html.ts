import { createHash } from "node:crypto";
import { escapeHtml as safe } from "../../supabase/functions/api/escape-html.ts";
import { curlLines, picturesFrom, starterKitEnv } from "./banner.ts";
import type { Stack } from "./stack-facts.ts";

type LandingFacts = Pick<Stack, "urls" | "credentials" | "paths">;
export type Picture = {
  src: string;
  prompt: string;
};

const style = `
:root{color-scheme:light dark;--page:light-dark(#fff,#16181d);--raised:light-dark(#f5f6f8,#1f2229);--text:light-dark(#1c1f26,#e4e6eb);--soft:light-dark(#596070,#a2a9b8);--line:light-dark(#dfe2e8,#343944);--accent:light-dark(#2b4acb,#8fa6ff);--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:960px;margin:0 auto;padding:40px 20px 80px}
a{color:var(--accent)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
h1{margin:0;font-size:30px;line-height:1.2}
h2{margin:44px 0 12px;font-size:20px}
h2 code{font-size:inherit}
p{margin:6px 0 0;color:var(--soft)}
code,pre{font-family:var(--mono);font-size:13.5px}
.links{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:12px;margin:28px 0 0;padding:0;list-style:none}
.links a{display:block;height:100%;padding:14px 16px;border:1px solid var(--line);border-radius:10px;text-decoration:none;color:var(--soft);font-size:14px}
.links a:hover{border-color:var(--accent)}
.links strong{display:block;color:var(--accent);font-size:16px}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr) max-content;margin:0;border:1px solid var(--line);border-radius:10px}
dl>div{display:grid;grid-template-columns:subgrid;grid-column:1/-1;align-items:center;gap:0 16px;padding:8px 8px 8px 16px}
dl>div+div{border-top:1px solid var(--line)}
dt{color:var(--soft);font-size:14px}
dd{margin:0;overflow-wrap:anywhere}
.code{position:relative;margin:0 0 12px}
pre{margin:0;padding:14px 84px 14px 16px;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid var(--line);border-radius:10px;background:var(--raised);line-height:1.5}
h3{margin:0 0 6px;font-size:14px;font-weight:500;color:var(--soft)}
button{padding:3px 10px;font:inherit;font-size:13px;color:var(--soft);background:var(--page);border:1px solid var(--line);border-radius:6px;cursor:pointer}
button:hover{color:var(--text)}
.code button{position:absolute;top:8px;right:8px}
.about{margin:0 0 12px}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:16px;margin:0;padding:0;list-style:none}
.pictures img{display:block;width:100%;height:auto;aspect-ratio:1;object-fit:cover;border-radius:10px;background:var(--raised)}
.pictures span{display:-webkit-box;margin-top:6px;overflow:hidden;font-size:13.5px;color:var(--soft);overflow-wrap:anywhere;-webkit-line-clamp:2;-webkit-box-orient:vertical}
@media(max-width:560px){main{padding-top:24px}dl{grid-template-columns:minmax(0,1fr) max-content}dt{grid-column:1/-1}.links{grid-template-columns:1fr 1fr}}
`;

const script = `
for(const button of document.querySelectorAll("button[data-copy]"))button.addEventListener("click",async()=>{
  const text=document.getElementById(button.dataset.copy).textContent;
  const copied=await navigator.clipboard?.writeText(text).then(()=>true,()=>false);
  button.textContent=copied?"Copied":"Not allowed";
  setTimeout(()=>{button.textContent="Copy"},1500);
});
`;

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** The page may run its own script and show pictures of this stack. No page may frame it. */
export function landingPolicy({ urls }: LandingFacts): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(script)}`,
    `style-src ${hashOf(style)}`,
    `img-src 'self' ${urls.gateway}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export function landingPage(facts: LandingFacts, pictures: Picture[]): string {
  const { urls, credentials } = facts;
  const links: [string, string, string][] = [
    ["/docs/", "API reference", "Every endpoint, to read and to try"],
    ["/docs/quick-start.html", "Guides", "From the first request to going live"],
    [urls.inbox, "Mail inbox", "Every mail that the stack sends"],
    [urls.studio, "Table editor", "The rows in the database"],
    ["/api/v1/health", "Health", "Whether every part answers"],
    ["/openapi.json", "openapi.json", "For generators and HTTP clients"],
  ];
  const keys: [string, string][] = [
    ["API", urls.api],
    ["Developer key", credentials.developer_key],
    ["Project id", credentials.project_id],
    ["Project key", credentials.api_key],
    ["Developer", credentials.developer_email],
    ["Password", credentials.developer_password],
  ];
  const steps = [
    "Register an end user",
    "Ask for a picture of the sample photo",
    "Wait for it, and open its address",
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Cloud API on this machine</title>
<link rel="icon" href="/docs/assets/icon.svg">
<style>${style}</style>
</head>
<body><main>
<h1>Cloud API runs on this machine</h1>
<p>Accounts, projects, API keys and image generation. Only <code>npm start</code> serves this page.</p>
<ul class="links">
${links.map(([href, title, words]) => `<li><a href="${safe(href)}"><strong>${safe(title)}</strong> ${safe(words)}</a></li>`).join("\n")}
</ul>
<h2>The demo project</h2>
<dl>
${keys.map(([label, value], at) => `<div><dt>${safe(label)}</dt><dd><code id="key-${at}">${safe(value)}</code></dd><dd>${copyButton(`key-${at}`, label)}</dd></div>`).join("\n")}
</dl>
<h2>The Starter Kit's <code>.env</code></h2>
${block("env", starterKitEnv(facts).join("\n"), "the .env")}
<h2>From an account to a picture</h2>
${curlLines(facts)
  .map((line, at) => `<h3>${at + 1}. ${steps[at] ?? ""}</h3>\n${block(`step-${at}`, line, `step ${at + 1}`)}`)
  .join("\n")}
<h2>The last pictures</h2>
<p class="about">Pictures are ${picturesFrom(urls)}.</p>
${gallery(pictures)}
</main>
<script>${script}</script>
</body>
</html>
`;
}

const copyButton = (id: string, what: string) =>
  `<button type="button" data-copy="${id}" aria-label="Copy ${safe(what)}">Copy</button>`;

const block = (id: string, text: string, what: string) =>
  `<div class="code"><pre tabindex="0" id="${id}">${safe(text)}</pre>${copyButton(id, what)}</div>`;

function gallery(pictures: Picture[]): string {
  if (pictures.length === 0)
    return "<p>None yet. The three commands above make one; reload this page then.</p>";
  const items = pictures.map(
    ({ src, prompt }) =>
      `<li><a href="${safe(src)}"><img src="${safe(src)}" alt="${safe(prompt)}" width="200" height="200"></a><span aria-hidden="true">${safe(prompt)}</span></li>`,
  );
  return `<ul class="pictures">\n${items.join("\n")}\n</ul>`;
}
