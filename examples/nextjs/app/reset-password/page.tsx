"use client";

// Copy this file into any Next.js app, and set `reset_url` of the project to its URL. It needs only NEXT_PUBLIC_API_URL.
import { type FormEvent, useEffect, useRef, useState } from "react";

type Answer = { status: number; code?: string; detail?: string; state?: string; project?: { id: string } };
type Step = "reading" | "set" | "ask" | "done";

async function post(path: string, body: object, projectId?: string): Promise<Answer> {
  try {
    const response = await fetch(`${process.env.NEXT_PUBLIC_API_URL}/api/v1/auth/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(projectId && { "X-Project-ID": projectId }) },
      body: JSON.stringify(body),
    });
    return { ...(await response.json()), status: response.status };
  } catch {
    return { status: 0, detail: "The service cannot be reached. Try again in a moment." };
  }
}

export default function ResetPassword() {
  const [token, setToken] = useState("");
  const [projectId, setProjectId] = useState<string>();
  const [step, setStep] = useState<Step>("reading");
  const [said, setSaid] = useState("");
  const isBegun = useRef(false);

  useEffect(() => {
    // In development React runs effects twice.
    if (isBegun.current) return;
    isBegun.current = true;
    const found = new URLSearchParams(location.search).get("token");
    if (found === null) return setStep("ask");
    // Removes the token from the address bar, so that no history or shared link contains it.
    history.replaceState(null, "", location.pathname);
    setToken(found);
    post("check-mail-token", { token: found }).then(({ state, code, project }) => {
      setProjectId(project?.id);
      if (state === "used") setSaid("This link was already used. Log in, or request another mail.");
      setStep(state === "used" || state === "expired" || code === "mail_token_invalid" ? "ask" : "set");
    });
  }, []);

  async function set(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    if (form.get("password") !== form.get("again")) return setSaid("The two passwords differ.");
    const { status, detail = "" } = await post("reset-password", { token, password: form.get("password") });
    setSaid(status === 200 ? "Your new password is set. You can log in." : detail);
    if (status === 200) setStep("done");
    else if (status === 400) setStep("ask");
  }

  async function ask(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const email = new FormData(event.currentTarget).get("email");
    const { status, detail = "" } = await post("request-password-reset", { email }, projectId);
    setSaid(status === 200 ? "If an account with this address exists, we are sending a mail to it." : detail);
  }

  return (
    <main>
      <h1>Set a new password</h1>
      {step === "set" && (
        <form onSubmit={set}>
          <label>
            New password{" "}
            <input name="password" type="password" autoComplete="new-password" minLength={8} required />
          </label>
          <label>
            Repeat the password <input name="again" type="password" autoComplete="new-password" required />
          </label>
          <button type="submit">Set password</button>
        </form>
      )}
      {step === "ask" && (
        <form onSubmit={ask}>
          <label>
            Email <input name="email" type="email" autoComplete="email" required />
          </label>
          <button type="submit">Send me a mail</button>
        </form>
      )}
      <p role="status">{said}</p>
    </main>
  );
}
