import { expect, test } from "vitest";
import type { Env } from "../env.ts";
import { createMailer } from "./mailer.ts";

const mail = { id: "m1", from_name: "App", subject: "Hello", text: "Hello", html: "<p>Hello</p>" };

test("the mailer sends nothing to a text that is not a plain address, and the error does not contain it", async () => {
  const sent: string[] = [];
  const fetcher = (async (_url: string, init: RequestInit) => {
    sent.push(String(init.body));
    return Response.json({ id: "1" });
  }) as unknown as typeof fetch;
  const env = {
    resend_api_key: "re_x",
    resend_api_url: "http://mail.test",
    mail_from: "no-reply@example.com",
  };
  const mailer = createMailer(env as Env, fetcher);
  for (const to of ["a<victim@example.com>", "a@localhost", "a@example.com,b@example.com"]) {
    const refused = mailer.send({ ...mail, to });
    await expect(refused).rejects.toThrow("no plain address");
    await expect(refused).rejects.not.toThrow(to);
  }
  expect(sent).toEqual([]);
  await mailer.send({ ...mail, to: "ada@BÜCHER.example" });
  expect(JSON.parse(sent[0] ?? "{}").to).toEqual(["ada@xn--bcher-kva.example"]);
});
