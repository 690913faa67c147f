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

test("the switch is set with the access token, which nothing prints", async () => {
  const { seen, fetcher } = platform(200);
  expect(await forwardAddresses("abc", "sbp_token", fetcher)).not.toContain("sbp_token");
  const [request] = seen;
  expect(request?.method).toBe("PATCH");
  expect(request?.url).toBe("https://api.supabase.com/v1/projects/abc/config/auth");
  expect(request?.headers.get("authorization")).toBe("Bearer sbp_token");
  expect(await request?.json()).toEqual({ security_sb_forwarded_for_enabled: true });
});

test("without a token nothing is sent, and it says what to do", async () => {
  const { seen, fetcher } = platform(200);
  expect(await forwardAddresses("abc", undefined, fetcher)).toContain("curl -X PATCH");
  expect(seen).toHaveLength(0);
});

test("a refusal ends the deployment", async () => {
  await expect(forwardAddresses("abc", "x", platform(403).fetcher)).rejects.toThrow("403");
});
