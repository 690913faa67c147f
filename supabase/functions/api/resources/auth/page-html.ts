const style = `
:root{color-scheme:light dark;--page:#f4f4f5;--card:#fff;--text:#18181b;--soft:#71717a;--line:#d4d4d8;--bad:#b91c1c;--good:#15803d}
@media(prefers-color-scheme:dark){:root{--page:#18181b;--card:#27272a;--text:#fafafa;--soft:#a1a1aa;--line:#52525b;--bad:#f87171;--good:#4ade80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{width:100%;max-width:400px;padding:32px;background:var(--card);border-radius:12px}
h1{margin:0 0 12px;font-size:22px;line-height:1.3}
p{margin:0 0 20px}
label{display:block;margin:0 0 16px;font-size:14px;font-weight:600}
input{display:block;width:100%;margin-top:6px;padding:10px 12px;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:8px}
button{width:100%;padding:12px;font:inherit;font-weight:600;color:var(--card);background:var(--text);border:0;border-radius:8px;cursor:pointer}
button:disabled{opacity:.5;cursor:default}
input:focus-visible,button:focus-visible{outline:2px solid #2563eb;outline-offset:2px}
.hint{color:var(--soft);font-size:14px}
[role=status]{margin:16px 0 0;min-height:24px}
.bad{color:var(--bad)}.good{color:var(--good)}
`;

// The token leaves the address bar at once, so that no screenshot, history or shared link keeps it.
const common = `
const token=new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null,"",location.pathname);
const form=document.querySelector("form"),status=document.querySelector("[role=status]"),button=form.querySelector("button");
const say=(text,kind)=>{status.textContent=text;status.className=kind};
if(!token){button.disabled=true;say("This link is not complete. Open it from the mail again.","bad")}
async function post(body,done){
  button.disabled=true;say("One moment …","");
  try{
    const response=await fetch(location.pathname,{method:"POST",headers:{"Content-Type":"application/json"},body:JSON.stringify({token,...body})});
    const answer=await response.json();
    if(response.ok){document.querySelectorAll("main p,form").forEach(part=>part.remove());say(done(answer),"good");return}
    say(answer.errors?answer.errors.map(({msg})=>msg).join(" "):answer.detail,"bad");
    button.disabled=response.status===400;
  }catch{say("The service cannot be reached. Try again in a moment.","bad");button.disabled=false}
}
`;

export const verifyPage = {
  title: "Confirm your address",
  style,
  body: `<h1>Confirm your address</h1>
<p>Press the button to confirm that the address is yours.</p>
<form><button>Confirm address</button></form>
<div role="status" aria-live="polite"></div>`,
  script: `${common}
form.addEventListener("submit",event=>{event.preventDefault();post({},answer=>answer.email+" is confirmed. You can close this page.")});
`,
};

export const resetPage = {
  title: "Set a new password",
  style,
  body: `<h1>Set a new password</h1>
<p class="hint">8 to 72 characters, with a lower-case letter, an upper-case letter and a digit. You will be signed out everywhere.</p>
<form>
<label>New password<input type="password" name="password" autocomplete="new-password" required minlength="8"></label>
<label>Once more<input type="password" name="again" autocomplete="new-password" required></label>
<button>Set password</button>
</form>
<div role="status" aria-live="polite"></div>`,
  script: `${common}
form.addEventListener("submit",event=>{
  event.preventDefault();
  const {password,again}=form.elements;
  if(password.value!==again.value){say("The two passwords differ.","bad");again.focus();return}
  post({password:password.value},()=>"Your new password is set. You can close this page and log in.");
});
`,
};
