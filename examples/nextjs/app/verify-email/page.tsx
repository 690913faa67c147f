"use client";

// Copy this file into any Next.js app, and set `verify_url` of the project to its URL. It needs only NEXT_PUBLIC_API_URL.
import { type FormEvent, useEffect, useRef, useState } from "react";

type Answer = { status: number; code?: string; detail?: string; state?: string; project?: { id: string } };
type Step = "reading" | "confirm" | "ask" | "done";

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

export default function VerifyEmail() {
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
      if (state === "used") setStep("done");
      else if (state === "expired" || code === "mail_token_invalid") setStep("ask");
      else setStep("confirm");
    });
  }, []);

  // Runs only by the button, because mail scanners open every link.
  async function confirm(event: FormEvent) {
    event.preventDefault();
    const { status, code, detail = "" } = await post("verify-email", { token });
    if (status === 200 || code === "verification_token_used") setStep("done");
    else setSaid(detail);
  }

  async function ask(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const email = new FormData(event.currentTarget).get("email");
    const { status, detail = "" } = await post("request-verification", { email }, projectId);
    setSaid(status === 200 ? "If the address is not confirmed yet, we are sending a mail to it." : detail);
  }

  return (
    <main>
      <h1>Confirm your address</h1>
      {step === "confirm" && (
        <form onSubmit={confirm}>
          <button type="submit">Confirm address</button>
        </form>
      )}
      {step === "ask" && (
        <form onSubmit={ask}>
          <p>This link has expired or is incomplete.</p>
          <label>
            Email <input name="email" type="email" autoComplete="email" required />
          </label>
          <button type="submit">Send me a new mail</button>
        </form>
      )}
      <p role="status">{step === "done" ? "This address is confirmed. You can log in." : said}</p>
    </main>
  );
}
