import { expect, test } from "vitest";
import { isReachable } from "./submit-generation.ts";

const hosted = "https://project.supabase.co/functions/v1";
const laptop = "http://127.0.0.1:54321";
const replicate = "https://api.replicate.com/v1";

test.each([
  ["Replicate can call a public address", hosted, replicate, true],
  ["Replicate cannot call this machine", laptop, replicate, false],
  ["Replicate cannot call the local network", "http://192.168.1.20:54321", replicate, false],
  ["Replicate cannot call a Tailscale address", "http://100.101.102.103:54321", replicate, false],
  ["Replicate cannot call a link-local address", "http://[fe80::1]:54321", replicate, false],
  ["Replicate cannot call a .local name", "http://macbook.local:54321", replicate, false],
  ["the look-alike can call this machine", laptop, "http://127.0.0.1:54328/v1", true],
  [
    "the look-alike can call this machine from a container",
    laptop,
    "http://host.docker.internal:54328/v1",
    true,
  ],
])("%s", (_, publicUrl, replicateApiUrl, reachable) => {
  expect(isReachable({ public_url: publicUrl, replicate_api_url: replicateApiUrl })).toBe(reachable);
});
