import { inject } from "vitest";

const { urls, keys } = inject("stack");

export type RestAnswer = { status: number; headers: Headers; code: string | undefined; body: any };
export type Caller = { token?: string | undefined; service?: boolean };

/**
 * A request to PostgREST, Auth or Storage below the gateway, with the publishable key and the caller's token, or with
 * the secret key. `code` is the error code of the answer, if it has one.
 */
export async function callGateway(
  caller: Caller,
  method: string,
  path: string,
  init: { json?: unknown; body?: BodyInit; headers?: Record<string, string> } = {},
): Promise<RestAnswer> {
  const response = await fetch(`${urls.gateway}${path}`, {
    method,
    headers: {
      apikey: (caller.service ? keys.secret : keys.publishable) ?? "",
      ...(caller.token === undefined ? {} : { authorization: `Bearer ${caller.token}` }),
      ...(init.json === undefined ? {} : { "content-type": "application/json" }),
      ...init.headers,
    },
    ...(init.json === undefined ? {} : { body: JSON.stringify(init.json) }),
    ...(init.body === undefined ? {} : { body: init.body }),
  });
  const text = await response.text();
  let body: any = text;
  try {
    body = JSON.parse(text);
  } catch {}
  return { status: response.status, headers: response.headers, code: body?.code, body };
}

export const rest = (caller: Caller, method: string, path: string, json?: unknown, headers = {}) =>
  callGateway(caller, method, `/rest/v1/${path}`, { ...(json === undefined ? {} : { json }), headers });
