import { expect, test } from "vitest";
import { forwardAddresses } from "./forward-addresses.ts";

const platform = (status: number) => {
  const seen: Request[] = [];
  const fetcher = (async (input: string, init: RequestInit) => {
    seen.push(new Request(input, init));
    return new Response("{}", { status });
  }) as typeof fetch;
  return { seen, fetcher };
};

test("the deployment turns address forwarding on with the access token, and does not print the token", async () => {
  const { seen, fetcher } = platform(200);
  expect(await forwardAddresses("abc", "sbp_token", fetcher)).not.toContain("sbp_token");
  const [request] = seen;
  expect(request?.method).toBe("PATCH");
  expect(request?.url).toBe("https://api.supabase.com/v1/projects/abc/config/auth");
  expect(request?.headers.get("authorization")).toBe("Bearer sbp_token");
  expect(await request?.json()).toEqual({ security_sb_forwarded_for_enabled: true });
});

test("without an access token the deployment sends nothing, and says how to turn address forwarding on", async () => {
  const { seen, fetcher } = platform(200);
  expect(await forwardAddresses("abc", undefined, fetcher)).toContain("curl -X PATCH");
  expect(seen).toHaveLength(0);
});

test("the deployment ends when the platform refuses address forwarding", async () => {
  await expect(forwardAddresses("abc", "x", platform(403).fetcher)).rejects.toThrow("403");
});
