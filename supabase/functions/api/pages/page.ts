import { createHash } from "node:crypto";
import { escapeHtml } from "../escape-html.ts";
import { languages } from "../mail/languages.ts";
import type { PageText } from "../mail/texts.ts";

const style = `
:root{color-scheme:light dark;--page:#f4f4f5;--card:#fff;--text:#18181b;--soft:#71717a;--line:#d4d4d8;--bad:#b91c1c;--good:#15803d}
@media(prefers-color-scheme:dark){:root{--page:#18181b;--card:#27272a;--text:#fafafa;--soft:#a1a1aa;--line:#52525b;--bad:#f87171;--good:#4ade80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:400px;padding:32px;background:var(--card);border-radius:12px}
h1{margin:0 0 12px;font-size:22px;line-height:1.3}
p{margin:0 0 20px}
label{display:block;margin:0 0 16px;font-size:14px;font-weight:600}
input{display:block;width:100%;margin-top:6px;padding:10px 12px;font:inherit;font-weight:400;color:inherit;background:transparent;border:1px solid var(--line);border-radius:8px}
a{color:inherit}
[hidden]{display:none!important}
button{width:100%;padding:11px;font:inherit;font-weight:600;color:var(--on-accent,var(--card));background:var(--accent,var(--text));border:1px solid var(--edge,transparent);border-radius:8px;cursor:pointer}
button:disabled{opacity:.5;cursor:default}
input:focus-visible,button:focus-visible{outline:2px solid #2563eb;outline-offset:2px}
.hint{color:var(--soft);font-size:14px}
[role=status]{margin:16px 0;min-height:24px}
.bad{color:var(--bad)}.good{color:var(--good)}
`;

// The token is removed from the address bar at once, so that no screenshot, history or shared link contains it.
const common = `
const api=document.documentElement.dataset.api||location.pathname.replace(/[^/]*$/,"");
const fields=new URLSearchParams(location.hash.slice(1)),query=new URLSearchParams(location.search);
const token=fields.get("token"),project=fields.get("project")||query.get("project");
history.replaceState(null,"",location.pathname+location.search);
const part=id=>document.getElementById(id),work=part("work"),ask=part("ask"),status=document.querySelector("[role=status]");
let language="en";
const words=(key,values={})=>Object.entries(values).reduce((text,[name,value])=>text.replace("{"+name+"}",()=>value),languages[language][key]);
const say=(text,kind)=>{status.textContent=text;status.className=kind};
const show=(...parts)=>{for(const each of [work,ask])each.hidden=!parts.includes(each)};
function speak(...wanted){
  language=wanted.map(each=>(each||"").slice(0,2)).find(each=>Object.hasOwn(languages,each))||"en";
  document.documentElement.lang=language;
  for(const each of document.querySelectorAll("[data-say]"))each.firstChild.data=words(each.dataset.say);
  document.title=document.querySelector("h1").textContent;
}
function dress(app){
  if(!app)return;
  speak(app.language);
  part("app").textContent=app.name;part("app").hidden=false;
  if(app.accent_color){
    const style=document.documentElement.style;
    style.setProperty("--accent",app.accent_color);style.setProperty("--on-accent",app.accent_text_color);style.setProperty("--edge","#71717a");
  }
  if(/^https?:\\/\\//.test(app.site_url||"")){part("back").href=app.site_url;part("back").textContent=words("back",{app:app.name});part("back").hidden=false}
}
async function send(path,body){
  try{
    const headers={"Content-Type":"application/json"};
    if(project&&path.startsWith("request-"))headers["X-Project-ID"]=project;
    const response=await fetch(api+path,{method:"POST",headers,body:JSON.stringify(body)});
    return {ok:response.ok,status:response.status,...await response.json()};
  }catch{return {ok:false,status:0}}
}
const troubles={0:"unreachable",400:"too_old",429:"too_many"};
function trouble({status,code,detail}){
  // In English the API's own sentence is the most precise.
  if(language==="en"&&detail)return detail;
  return words(code==="weak_password"?"reset_weak":troubles[status]||"failed");
}
async function press(form,path,body,done){
  const button=form.querySelector("button");
  button.disabled=true;say(words("wait"),"");
  const answer=await send(path,body);
  button.disabled=false;
  if(answer.ok){show();say(done(answer),"good");return}
  if(/_used$/.test(answer.code)){wasUsed();return}
  say(trouble(answer),"bad");
  if(answer.status===400)show(ask);
}
ask.addEventListener("submit",event=>{
  event.preventDefault();
  press(ask,asking,{email:ask.elements.email.value},()=>words("sent"));
});
async function begin(){
  speak(fields.get("lang"),query.get("lang"),...navigator.languages);
  if(!token){show(ask);return}
  const found=await send("check-mail-token",{token});
  dress(found.project);
  if(found.state==="used")wasUsed();
  else if(found.state==="expired"||found.code==="mail_token_invalid"){show(ask);say(words("too_old"),"")}
  else show(work);
}
begin();
`;

/** The texts of the page in every language, for its script. */
function languagesOf(prefix: "verify" | "reset"): string {
  const isSaid = (key: string) => key.startsWith(prefix) || !/^(verify|reset)_/.test(key);
  const said = Object.entries(languages).map(([code, { page }]) => [
    code,
    Object.fromEntries(Object.entries(page).filter(([key]) => isSaid(key))),
  ]);
  return `const languages=${JSON.stringify(Object.fromEntries(said))};\n`;
}

/** The text is English until the script translates it. */
const said = (key: PageText) => `data-say="${key}">${escapeHtml(languages.en.page[key])}`;

const askForm = (label: PageText) => `<form id="ask" hidden>
<label ${said("email")}<input type="email" name="email" autocomplete="email" required maxlength="320"></label>
<button ${said(label)}</button>
</form>
<div role="status" aria-live="polite"></div>
<p><a id="back" hidden rel="noreferrer"></a></p>`;
const appName = `<p class="hint" id="app" dir="auto" hidden></p>`;

export type Page = { name: string; title: string; style: string; body: string; script: string };

export const verifyPage: Page = {
  name: "verify-email",
  title: languages.en.page.verify_title,
  style,
  body: `${appName}<h1 ${said("verify_title")}</h1>
<form id="work" hidden>
<p ${said("verify_hint")}</p>
<button ${said("verify_button")}</button>
</form>
${askForm("verify_ask")}`,
  script: `${languagesOf("verify")}const asking="request-verification";
function wasUsed(){show();say(words("verify_used"),"good")}
${common}
work.addEventListener("submit",event=>{event.preventDefault();press(work,"verify-email",{token},answer=>words("verify_done",{email:answer.email}))});
`,
};

export const resetPage: Page = {
  name: "reset-password",
  title: languages.en.page.reset_title,
  style,
  body: `${appName}<h1 ${said("reset_title")}</h1>
<form id="work" hidden>
<p class="hint" ${said("reset_hint")}</p>
<label ${said("reset_password")}<input type="password" name="password" autocomplete="new-password" required minlength="8"></label>
<label ${said("reset_again")}<input type="password" name="again" autocomplete="new-password" required></label>
<button ${said("reset_button")}</button>
</form>
${askForm("reset_ask")}`,
  script: `${languagesOf("reset")}const asking="request-password-reset";
function wasUsed(){show(ask);say(words("reset_used"),"good")}
${common}
work.addEventListener("submit",event=>{
  event.preventDefault();
  const {password,again}=work.elements;
  if(password.value!==again.value){say(words("reset_differ"),"bad");again.focus();return}
  press(work,"reset-password",{token,password:password.value},()=>words("reset_done"));
});
`,
};

/**
 * A whole page. Only its own script and style may run. `api` is the address of the API for a page on a separate site, such as
 * `https://api.example.com/api/v1/auth/`. Without it the page calls its own host.
 */
export function documentOf(page: Page, api?: string): { html: string; policy: string } {
  const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = [
    "default-src 'none'",
    `style-src ${hash(page.style)}`,
    `script-src ${hash(page.script)}`,
    `connect-src ${api === undefined ? "'self'" : new URL(api).origin}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const ofSite =
    api === undefined
      ? ""
      : `\n<meta http-equiv="Content-Security-Policy" content="${policy}">\n<meta name="referrer" content="no-referrer">`;
  const html = `<!doctype html>
<html lang="en"${api === undefined ? "" : ` data-api="${escapeHtml(api)}"`}>
<head>
<meta charset="utf-8">${ofSite}
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">
<title>${page.title}</title>
<style>${page.style}</style>
</head>
<body>
<main>
${page.body}
<noscript><p>This page needs JavaScript. The mail also has a code that you can use instead.</p></noscript>
</main>
<script>${page.script}</script>
</body>
</html>
`;
  return { html, policy };
}
