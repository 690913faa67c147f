"use client";

import { type ReactNode, useActionState } from "react";
import type { FormState } from "./actions.ts";

type Props = { action: (state: FormState, form: FormData) => Promise<FormState>; children: ReactNode };

/** A form of a server action: off while it works, and with what went wrong. */
export function Form({ action, children }: Props) {
  const [{ problem }, submit, isBusy] = useActionState(action, {});
  // React empties a form after its action; what was typed stays, in case it has to be put right.
  return (
    <form action={submit} onReset={(event) => event.preventDefault()}>
      <fieldset disabled={isBusy}>{children}</fieldset>
      <p role="alert">{problem}</p>
    </form>
  );
}
