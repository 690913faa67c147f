"use client";

import { type ReactNode, useActionState } from "react";
import type { FormState } from "./actions.ts";

type Props = { action: (state: FormState, form: FormData) => Promise<FormState>; children: ReactNode };

/** A form of a server action. It is disabled while the action runs, and shows its error. */
export function Form({ action, children }: Props) {
  const [{ problem }, submit, isBusy] = useActionState(action, {});
  // React clears a form after its action. This form keeps its values, so that the user can correct them.
  return (
    <form action={submit} onReset={(event) => event.preventDefault()}>
      <fieldset disabled={isBusy}>{children}</fieldset>
      <p role="alert">{problem}</p>
    </form>
  );
}
