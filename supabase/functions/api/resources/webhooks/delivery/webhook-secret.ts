import { randomBytes } from "node:crypto";

/** 192 random bits, in the form of Standard Webhooks. */
export const createWebhookSecret = () => `whsec_${randomBytes(24).toString("base64")}`;
