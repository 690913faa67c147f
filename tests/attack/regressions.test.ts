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

/** Attacks that once worked, by kind: one describe for each. */

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

/** A chunked POST from an address of its own, straight at the function. @returns the status, or 0 when the connection ended without one. */
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

describe("a form's boundary that its parser trips over", () => {
  const form = (boundary: string) => ({
    headers: { ...user.headers, "Content-Type": `multipart/form-data; boundary=${boundary}` },
    method: "POST",
    body: `--${boundary}\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n${"A".repeat(1_000)}`,
  });
  test.each([71, 252, 508, 1_000, 10_000])(
    "of %i letters is refused, and the next request is answered",
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

describe("bodies that hold what others wait for", () => {
  const form = { "Content-Type": "multipart/form-data; boundary=x" };
  const begun = Buffer.from('--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n');
  /** 600 kB at 30 kB/s without a length, as a phone on a bad line sends it. */
  const honest = () => {
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

  test("an honest slow phone passes while eight sockets announce 50 MB each and trickle, and eight more say no length", async () => {
    const end = new AbortController();
    const attackers = Array.from({ length: 16 }, (_, at) => {
      const length: Headed = at < 8 ? { "Content-Length": "52000000" } : { "Transfer-Encoding": "chunked" };
      const sent = { headers: { ...form, ...length }, path: anonymous, body: trickle(png(), 1_000) };
      return post(`203.0.113.${at % 4}`, sent, end.signal);
    });
    expect(await honest()).toBe(200);
    end.abort();
    await Promise.all(attackers);
  });

  test("an honest slow phone passes while four clients hold all the room, sending on at 10 kB/s", async () => {
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
    expect(await honest()).toBe(200);
    // Whoever holds most and sends least had to go, and no more.
    expect(ended).toBeLessThanOrEqual(1);
    end.abort();
    await Promise.all(attackers);
  });
});

describe("files that are not what they say", () => {
  const put = async (bytes: Uint8Array) => {
    const places = await api("/generation/uploads", { headers: user.headers, json: { count: 1 } });
    const [{ id, url }] = places.body.uploads;
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
    ["put to an address", put],
  ])("a drawing with a script behind the first bytes of a WebP is refused: %s", async (_, send) => {
    expect(errorOf(await send(drawing))).toMatchObject({ status: 415, code: "unsupported_image" });
  });

  test.each([
    ["in a form", form],
    ["put to an address", put],
  ])("a JPEG with 3 MB of metadata before its frame is one: %s", async (_, send) => {
    expect((await send(jpegWithMetadata(3_000_000, 50))).status).toBe(200);
  });

  test("every answer and every stored picture is served as what it is, an upload never as a page", async () => {
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
