import { type Check, fail, ok, warn } from "./check.ts";

/** Replicate takes the token of the running function. */
export const checkReplicate: Check = async ({ health }) => {
  const { service } = (await health()).body;
  const token = service?.replicate_token;
  const get = "make one at https://replicate.com/account/api-tokens and set REPLICATE_API_TOKEN";
  if (token === "accepted") return [ok("replicate token", "accepted")];
  if (token === "refused") return [fail("replicate token", "Replicate refuses it", get)];
  if (token === "unknown")
    return [warn("replicate token", "Replicate did not say whether it is good", "look again in a minute")];
  return [];
};
