import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createOperator } from "../../scripts/operator/operators.ts";
import { api, type Developer, freshEmail, password, registerDeveloper } from "../support/api.ts";
import { freshPrompt } from "../support/generation.ts";
import { lockAnonymousLimits } from "../support/lock-anonymous-limits.ts";
import { mailTo, type ReceivedMail, tokenOf } from "../support/mail.ts";
import { openDatabase } from "../support/management.ts";
import { type KitEnv, StarterKit } from "../support/starter-kit.ts";

// What a user does in the Starter Kit, in each of its modes, and what the kit then shows.

const { urls, credentials } = inject("stack");
lockAnonymousLimits();
const sql = openDatabase();
const base = urls.base ?? urls.gateway;
const linkOf = (mail: ReceivedMail) => /https?:\S+#token=\S+/.exec(mail.text)?.[0];
let owner: Developer;
beforeAll(async () => {
  owner = await registerDeveloper();
});
afterAll(() => sql.end({ timeout: 2 }));

const projectEnv = ({ id, developer_key, api_key } = owner.project): KitEnv => ({
  mode: "project",
  api: base,
  developer_key,
  project_id: id,
  project_key: api_key,
});
const consoleEnv = (): KitEnv => ({ mode: "console", api: base, developer_key: owner.project.developer_key });
const operatorEnv = (): KitEnv => ({
  mode: "operator",
  api: base,
  ...(credentials.operator_key !== undefined && { operator_key: credentials.operator_key }),
});

/** A kit in project mode with somebody who has just registered. */
async function registered() {
  const kit = new StarterKit(projectEnv());
  const email = freshEmail("kit");
  expect(await kit.register({ email, password, full_name: "Ada Lovelace" })).toEqual({
    leads_to: "/dashboard",
  });
  return { kit, email };
}

const steps: [mode: KitEnv["mode"], step: string, take: () => Promise<void>][] = [
  [
    "project",
    "registration leads to the dashboard, which greets by name",
    async () => {
      const { kit, email } = await registered();
      expect(await kit.person()).toEqual({
        email,
        role: "end_user",
        full_name: "Ada Lovelace",
        project_id: owner.project.id,
      });
    },
  ],
  [
    "project",
    "a second registration says that there is an account",
    async () => {
      const { kit, email } = await registered();
      expect(await kit.register({ email, password })).toEqual({
        shows: "An account already exists for this email.",
      });
    },
  ],
  [
    "project",
    "an invalid field is reported with a sentence for the user",
    async () => {
      const kit = new StarterKit(projectEnv());
      const full_name = "x".repeat(300);
      expect(await kit.register({ email: freshEmail(), password, full_name })).toEqual({
        shows: "The name may have at most 255 characters.",
      });
      expect(await kit.register({ email: "ada@localhost", password })).toEqual({
        shows: "The email address is not an email address.",
      });
    },
  ],
  [
    "project",
    "signing out ends the session and signing in leads to the dashboard",
    async () => {
      const { kit, email } = await registered();
      kit.signOut();
      expect(await kit.person()).toBeNull();
      expect(await kit.login(email, password)).toEqual({ leads_to: "/dashboard" });
    },
  ],
  [
    "project",
    "a wrong password is reported with a sentence",
    async () => {
      const { kit, email } = await registered();
      expect(await kit.login(email, "Wrong-horse-9")).toEqual({ shows: "Incorrect email or password" });
    },
  ],
  [
    "project",
    "where verification is required, sign-in points to the mail, whose link opens the account",
    async () => {
      const strict = await registerDeveloper();
      await api(`/projects/${strict.project.id}`, {
        method: "PATCH",
        headers: strict.headers,
        json: { email_verification: "required", site_url: "http://localhost:3000" },
      });
      const kit = new StarterKit(projectEnv(strict.project));
      const email = freshEmail("kit");
      await kit.register({ email, password });
      expect(await kit.person()).toBeNull();
      expect(await kit.login(email, password)).toEqual({
        shows: "Account not activated. Please check your email for the verification link.",
      });
      const mail = await mailTo(email, "Confirm your address");
      expect(linkOf(mail)).toContain(`${base}/api/v1/auth/verify-email#`);
      await api("/auth/verify-email", { json: { token: tokenOf(mail) } });
      expect(await kit.login(email, password)).toEqual({ leads_to: "/dashboard" });
    },
  ],
  [
    "project",
    "the link of the reset mail opens a page of the API, whose new password works in the kit",
    async () => {
      const { kit, email } = await registered();
      const projectHeaders = { "X-Project-ID": owner.project.id };
      await api("/auth/request-password-reset", { headers: projectHeaders, json: { email } });
      const mail = await mailTo(email, "Set a new password");
      const page = await fetch(linkOf(mail) ?? "");
      expect([page.status, page.headers.get("content-type")]).toEqual([200, expect.stringContaining("html")]);
      await api("/auth/reset-password", { json: { token: tokenOf(mail), password: "Another-horse-8" } });
      expect(await kit.login(email, "Another-horse-8")).toEqual({ leads_to: "/dashboard" });
    },
  ],
  [
    "project",
    "the billing page shows no subscription, no payment and no error",
    async () => {
      const { kit } = await registered();
      expect(await kit.read("/payments/stripe/my-subscription?test_mode=true")).toEqual({
        status: 200,
        body: null,
      });
      expect(await kit.read("/payments/stripe/my-payments?test_mode=true&page=1&page_size=50")).toEqual({
        status: 200,
        body: { payments: [], total: 0, page: 1, page_size: 50 },
      });
    },
  ],
  [
    "project",
    "the billing buttons say that nothing is sold",
    async () => {
      const { kit } = await registered();
      for (const [path, body] of [
        ["checkout-session", { price_id: "price_1", quantity: 1 }],
        ["customer-portal", { return_url: "http://localhost:3000/billing" }],
        ["cancel-subscription", { cancel_immediately: false }],
      ] as const)
        expect([path, await kit.pay(path, body)]).toEqual([path, "This service does not offer payments."]);
    },
  ],
  [
    "project",
    "the image page generates a picture and shows it beside the uploaded one",
    async () => {
      const { picture } = await new StarterKit(projectEnv()).imagePage(freshPrompt("Make it a watercolour"));
      expect(picture).toMatchObject({ status: "completed", example_images: [expect.any(String)] });
      for (const src of [picture?.generated_image_url, ...(picture?.example_images ?? [])])
        expect((await fetch(src)).headers.get("content-type")).toBe("image/png");
    },
  ],
  [
    "project",
    "the image page explains why a prompt is invalid",
    async () => {
      expect(await new StarterKit(projectEnv()).imagePage("x".repeat(1_001))).toEqual({
        shows: "The prompt may have at most 1000 characters.",
      });
    },
  ],
  [
    "project",
    "an ended session leads to the sign-in, which works although the old token is still sent",
    async () => {
      const { kit, email } = await registered();
      const bearer = { Authorization: `Bearer ${kit.token}` };
      await api("/auth/logout", { headers: bearer, json: { scope: "global" } });
      expect(await kit.person()).toBeNull();
      expect(await kit.login(email, password)).toEqual({ leads_to: "/dashboard" });
    },
  ],
  [
    "console",
    "a developer signs in and gets to the console",
    async () => {
      const kit = new StarterKit(consoleEnv());
      expect(await kit.login(owner.email, password)).toEqual({ leads_to: "/console" });
      expect(await kit.person()).toMatchObject({ role: "developer", project_id: null });
    },
  ],
  [
    "console",
    "the console lists the projects and the keys of the developer",
    async () => {
      const kit = new StarterKit(consoleEnv());
      await kit.login(owner.email, password);
      const projects = await kit.read("/projects/");
      expect(projects.body.map(({ id }: { id: string }) => id)).toEqual([owner.project.id]);
      const keys = await kit.read(`/projects/${owner.project.id}/api-keys`);
      expect([keys.status, keys.body.length]).toEqual([200, 1]);
    },
  ],
  [
    "operator",
    "an operator signs in and gets to the portal",
    async () => {
      const email = freshEmail("operator");
      await createOperator(sql, email, "Grace Hopper");
      await api("/auth/request-password-reset", { json: { email } });
      const token = tokenOf(await mailTo(email, "Set a new password"));
      await api("/auth/reset-password", { json: { token, password } });
      const kit = new StarterKit(operatorEnv());
      expect(await kit.login(email, password)).toEqual({ leads_to: "/portal" });
      expect(await kit.person()).toMatchObject({ role: "platform_operator", full_name: "Grace Hopper" });
      expect((await kit.read("/projects/")).status).toBe(200);
    },
  ],
  [
    "operator",
    "a new developer gets keys that open a project, with the role header of newer and of older kits",
    async () => {
      for (const role of ["developer", "platform_operator"]) {
        const kit = new StarterKit(operatorEnv());
        const email = freshEmail("developer");
        const made = await kit.register({ email, password, full_name: "Dev" }, role);
        expect(made).toMatchObject({ leads_to: "/register/developer/success" });
        const { project_id: id, developer_key, api_key } = made.provisioning ?? {};
        const project = new StarterKit(projectEnv({ id, developer_key, api_key, headers: {} }));
        expect(await project.register({ email: freshEmail(), password })).toEqual({ leads_to: "/dashboard" });
        expect(await kit.login(email, password)).toEqual({ leads_to: "/console" });
      }
    },
  ],
];

test.each(steps)("the Starter Kit in %s mode: %s", (_mode, _step, take) => take());
