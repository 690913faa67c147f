import { connect } from "node:net";
import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  api,
  type EndUser,
  errorOf,
  type Headed,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { fuzzTarget } from "../support/fuzz/target.ts";
import { jpegWithMetadata, png } from "../support/images.ts";

/** Attacks that once worked, one `describe` for each kind. */

const { base } = fuzzTarget(inject("stack"));
const { hostname, port } = new URL(base);
const anonymous = "/api/v1/generation/generate-anonymous-v2";
const picture = (bytes: Uint8Array) =>
  Buffer.concat([
    Buffer.from('--x\r\nContent-Disposition: form-data; name="instructions"\r\n\r\nA lighthouse\r\n'),
    Buffer.from('--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'),
    bytes,
    Buffer.from("\r\n--x--\r\n"),
  ]);

let user: EndUser;
beforeAll(async () => {
  const { project } = await registerDeveloper();
  user = await registerEndUser(project);
});

type Sent = { headers: Headed; body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>; path?: string };

/** Sends a POST from the given address directly to the function. @returns the status, or 0 if the connection ended without one. */
function post(
  address: string,
  { headers, body, path = "/api/v1/generation/generate-v2" }: Sent,
  end?: AbortSignal,
) {
  return new Promise<number>((resolve) => {
    const socket = connect(Number(port), hostname);
    let answer = "";
    socket.on("data", (data) => {
      answer += data.toString("latin1");
      const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
      if (status !== undefined) resolve(Number(status));
    });
    socket.on("close", () => resolve(0));
    socket.on("error", () => {});
    end?.addEventListener("abort", () => socket.destroy());
    const lines = Object.entries({ ...headers, "X-Forwarded-For": address, Connection: "close" });
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n${lines.map((pair) => pair.join(": ")).join("\r\n")}\r\n\r\n`,
    );
    const isChunked = headers["Transfer-Encoding"] !== undefined;
    void (async () => {
      for await (const chunk of body) {
        if (socket.destroyed || answer !== "") break;
        if (isChunked) socket.write(`${chunk.length.toString(16)}\r\n`);
        socket.write(chunk);
        if (isChunked) socket.write("\r\n");
      }
      if (isChunked) socket.write("0\r\n\r\n");
    })();
  });
}

async function* paced(bytes: Uint8Array, piece: number, everyMs: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) {
    yield bytes.subarray(at, at + piece);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

describe("multipart boundaries that broke the parser", () => {
  const form = (boundary: string) => ({
    headers: { ...user.headers, "Content-Type": `multipart/form-data; boundary=${boundary}` },
    method: "POST",
    body: `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n${"A".repeat(1_000)}`,
  });
  test.each([71, 252, 508, 1_000, 10_000])(
    "a multipart boundary of %i letters is refused, and the next request is answered",
    async (length) => {
      const answer = await api("/generation/generate-v2", form("B".repeat(length)));
      expect(errorOf(answer)).toMatchObject({ status: 400, code: "malformed_body" });
      const patch = await api(`/generation/${crypto.randomUUID()}/public`, {
        ...form("B".repeat(length)),
        method: "PATCH",
      });
      expect(errorOf(patch)).toMatchObject({ status: 400, code: "malformed_body" });
      expect((await api("/auth/me", { headers: user.headers })).status).toBe(200);
    },
  );
});

describe("slow bodies that block other requests", () => {
  const form = { "Content-Type": "multipart/form-data; boundary=x" };
  const begun = Buffer.from('--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n');
  /** Uploads 600 kB at 30 kB/s without a length, as a phone on a poor connection does. */
  const uploadSlowly = () => {
    const photo = new Uint8Array(600_000);
    photo.set(png());
    const body = paced(picture(photo), 15_000, 500);
    return post("198.51.100.7", {
      headers: { ...user.headers, ...form, "Transfer-Encoding": "chunked" },
      body,
    });
  };
  async function* trickle(first: Uint8Array, piece: number): AsyncGenerator<Uint8Array> {
    yield begun;
    yield first;
    for (;;) yield* paced(new Uint8Array(piece), piece, 500);
  }

  test("a slow upload succeeds during 16 stalled uploads, eight of them announcing 50 MB", async () => {
    const end = new AbortController();
    const attackers = Array.from({ length: 16 }, (_, at) => {
      const length: Headed = at < 8 ? { "Content-Length": "52000000" } : { "Transfer-Encoding": "chunked" };
      const sent = { headers: { ...form, ...length }, path: anonymous, body: trickle(png(), 1_000) };
      return post(`203.0.113.${at % 4}`, sent, end.signal);
    });
    expect(await uploadSlowly()).toBe(200);
    end.abort();
    await Promise.all(attackers);
  });

  test("a slow upload succeeds while four clients at 10 kB/s hold all memory for uploads", async () => {
    const end = new AbortController();
    const first = new Uint8Array(7_500_000);
    first.set(png());
    const attackers = Array.from({ length: 4 }, (_, at) => {
      const sent = {
        headers: { ...form, "Content-Length": "52000000" },
        path: anonymous,
        body: trickle(first, 5_000),
      };
      return post(`203.0.113.${10 + at}`, sent, end.signal);
    });
    let ended = 0;
    for (const attacker of attackers) void attacker.then(() => ended++);
    expect(await uploadSlowly()).toBe(200);
    // At most the client that holds most and sends least is disconnected.
    expect(ended).toBeLessThanOrEqual(1);
    end.abort();
    await Promise.all(attackers);
  });
});

describe("files with a false type", () => {
  const put = async (bytes: Uint8Array) => {
    const created = await api("/generation/uploads", { headers: user.headers, json: { count: 1 } });
    const [{ id, url }] = created.body.uploads;
    const stored = await fetch(url, {
      method: "PUT",
      headers: { "Content-Type": "image/webp" },
      body: bytes as BodyInit,
    });
    expect(stored.status).toBe(200);
    const json = { prompt: "A lighthouse", upload_ids: [id] };
    return api("/generation/generate-v2", { headers: user.headers, json });
  };
  const form = (bytes: Uint8Array) => {
    const headers = { ...user.headers, "Content-Type": "multipart/form-data; boundary=x" };
    return api("/generation/generate-v2", { method: "POST", headers, body: picture(bytes) as BodyInit });
  };
  const drawing = Buffer.from(
    "RIFF\x24\0\0\0WEBP<svg onload=alert(1) width='10' height='10'></svg>",
    "latin1",
  );

  test.each([
    ["in a form", form],
    ["by an upload", put],
  ])("an SVG with a script behind the header of a WebP is refused %s", async (_, send) => {
    expect(errorOf(await send(drawing))).toMatchObject({ status: 415, code: "unsupported_image" });
  });

  test.each([
    ["in a form", form],
    ["by an upload", put],
  ])("a JPEG with 3 MB of metadata before its frame is accepted %s", async (_, send) => {
    expect((await send(jpegWithMetadata(3_000_000, 50))).status).toBe(200);
  });

  test("pictures are served with their image type, nosniff and as attachment", async () => {
    const { body, headers } = await form(png());
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    const address = await api(body.example_images[0]);
    expect([address.status, address.headers.get("x-content-type-options")]).toEqual([302, "nosniff"]);
    const served = await fetch(address.headers.get("location") ?? "");
    expect([served.status, served.headers.get("content-type")]).toEqual([200, "image/png"]);
    expect(served.headers.get("content-disposition")).toMatch(/^attachment; filename="?example-0\.png/);
    if (inject("stack").embedded) expect(served.headers.get("x-content-type-options")).toBe("nosniff");
    await served.body?.cancel();
  });
});
