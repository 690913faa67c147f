"use server";

import { ApiError } from "@devkit4ai/client";
import { revalidatePath } from "next/cache";
import { redirect } from "next/navigation";
import { asPerson, clientOfRequest } from "../lib/client.ts";

/** The problem that a form shows below its button, if there is one. */
export type FormState = { problem?: string };

const text = (form: FormData, name: string) => String(form.get(name) ?? "");

/** The sentence of a refusal. Any other error, such as a redirect of Next.js, is thrown again. */
function problemOf(error: unknown): FormState {
  if (error instanceof ApiError) return { problem: error.detail };
  throw error;
}

export async function enter(_: FormState, form: FormData): Promise<FormState> {
  const person = { email: text(form, "email"), password: text(form, "password") };
  const client = await clientOfRequest();
  try {
    if (form.get("how") === "register") await client.auth.register(person);
    else await client.auth.login(person);
  } catch (error) {
    return problemOf(error);
  }
  redirect("/pictures");
}

export async function leave(): Promise<void> {
  await (await clientOfRequest()).auth.logout();
  redirect("/");
}

export async function makePicture(_: FormState, form: FormData): Promise<FormState> {
  const photo = form.get("photo");
  const files = photo instanceof File && photo.size > 0 ? photo : null;
  try {
    await asPerson((client) => client.generations.create({ prompt: text(form, "prompt"), files }));
  } catch (error) {
    return problemOf(error);
  }
  revalidatePath("/pictures");
  return {};
}
