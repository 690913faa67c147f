import { createHash } from "node:crypto";
import { escapeHtml } from "../mail/layout.ts";

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
button{width:100%;padding:12px;font:inherit;font-weight:600;color:var(--card);background:var(--text);border:0;border-radius:8px;cursor:pointer}
button:disabled{opacity:.5;cursor:default}
input:focus-visible,button:focus-visible{outline:2px solid #2563eb;outline-offset:2px}
.hint{color:var(--soft);font-size:14px}
[role=status]{margin:16px 0;min-height:24px}
.bad{color:var(--bad)}.good{color:var(--good)}
`;

// The token leaves the address bar at once, so that no screenshot, history or shared link keeps it.
const common = `
const api=document.documentElement.dataset.api||location.pathname.replace(/[^/]*$/,"");
const fields=new URLSearchParams(location.hash.slice(1)),token=fields.get("token"),project=fields.get("project")||new URLSearchParams(location.search).get("project");
history.replaceState(null,"",location.pathname+location.search);
const part=id=>document.getElementById(id),work=part("work"),ask=part("ask"),status=document.querySelector("[role=status]");
const say=(text,kind)=>{status.textContent=text;status.className=kind};
const show=(...parts)=>{for(const each of [work,ask])each.hidden=!parts.includes(each)};
const back=place=>{if(!place)return;part("app").textContent=place.name;part("app").hidden=false;if(/^https?:\\/\\//.test(place.site_url||"")){part("back").href=place.site_url;part("back").textContent="Back to "+place.name;part("back").hidden=false}};
async function send(path,body){
  try{
    const headers={"Content-Type":"application/json"};
    if(project&&path.startsWith("request-"))headers["X-Project-ID"]=project;
    const response=await fetch(api+path,{method:"POST",headers,body:JSON.stringify(body)});
    return {ok:response.ok,status:response.status,...await response.json()};
  }catch{return {ok:false,status:0,detail:"The service cannot be reached. Try again in a moment."}}
}
async function press(form,path,body,done){
  const button=form.querySelector("button");
  button.disabled=true;say("One moment …","");
  const answer=await send(path,body);
  button.disabled=false;
  if(answer.ok){show();say(done(answer),"good");return}
  if(/_used$/.test(answer.code)){wasUsed();return}
  say(answer.detail,"bad");
  if(answer.status===400)show(ask);
}
ask.addEventListener("submit",event=>{
  event.preventDefault();
  press(ask,asking,{email:ask.elements.email.value},answer=>answer.message);
});
async function begin(){
  if(!token){show(ask);return}
  const found=await send("check-mail-token",{token});
  back(found.project);
  if(found.state==="used")wasUsed();
  else if(found.state==="expired"||found.code==="mail_token_invalid"){show(ask);say("This link is too old, or not complete. Ask for another mail.","")}
  else show(work);
}
begin();
`;

const askForm = (label: string) => `<form id="ask" hidden>
<label>Your email address<input type="email" name="email" autocomplete="email" required maxlength="320"></label>
<button>${label}</button>
</form>
<div role="status" aria-live="polite"></div>
<p><a id="back" hidden rel="noreferrer"></a></p>`;
const appName = `<p class="hint" id="app" hidden></p>`;

export type Page = { name: string; title: string; style: string; body: string; script: string };

export const verifyPage: Page = {
  name: "verify-email",
  title: "Confirm your address",
  style,
  body: `${appName}<h1>Confirm your address</h1>
<form id="work" hidden>
<p>Press the button to confirm that the address is yours.</p>
<button>Confirm address</button>
</form>
${askForm("Send me a new mail")}`,
  script: `const asking="request-verification";
function wasUsed(){show();say("This address is confirmed. You can close this page.","good")}
${common}
work.addEventListener("submit",event=>{event.preventDefault();press(work,"verify-email",{token},answer=>answer.email+" is confirmed. You can close this page.")});
`,
};

export const resetPage: Page = {
  name: "reset-password",
  title: "Set a new password",
  style,
  body: `${appName}<h1>Set a new password</h1>
<form id="work" hidden>
<p class="hint">At least 8 characters, with a lower-case letter, an upper-case letter and a digit. You will be signed out everywhere.</p>
<label>New password<input type="password" name="password" autocomplete="new-password" required minlength="8"></label>
<label>Once more<input type="password" name="again" autocomplete="new-password" required></label>
<button>Set password</button>
</form>
${askForm("Send me a mail")}`,
  script: `const asking="request-password-reset";
function wasUsed(){show(ask);say("This link has done its work. Log in with your new password, or ask for another mail.","good")}
${common}
work.addEventListener("submit",event=>{
  event.preventDefault();
  const {password,again}=work.elements;
  if(password.value!==again.value){say("The two passwords differ.","bad");again.focus();return}
  press(work,"reset-password",{token,password:password.value},()=>"Your new password is set. You can close this page and log in.");
});
`,
};

/**
 * A whole page. Only its own script and style may run. `api` is where it asks when it lies on a site of its own, such as
 * `https://api.example.com/api/v1/auth/`; without it the page asks the place that it came from.
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
