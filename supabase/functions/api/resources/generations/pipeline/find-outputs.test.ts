import { describe, expect, test } from "vitest";
import { findOutputs } from "./find-outputs.ts";

const hosts = ["replicate.delivery"];
const a = "https://replicate.delivery/a/out-0.png";
const b = "https://pbxt.replicate.delivery/b/out-1.png";
const data = "data:image/png;base64,iVBORw0KGgo=";

describe("findOutputs", () => {
  test.each<[string, unknown, string[]]>([
    ["a URL", a, [a]],
    ["a list of URLs", [a, b], [a, b]],
    ["a list of lists", [[a], [b]], [a, b]],
    ["{image}", { image: a }, [a]],
    ["{images: […]}", { images: [a, b], count: 2 }, [a, b]],
    ["[{url}]", [{ url: a }, { url: b }], [a, b]],
    ["{output: {files: [{href}]}}", { output: { files: [{ href: a }] } }, [a]],
    ["a data: URL", data, [data]],
    ["one URL in two places", { image: a, images: [a] }, [a]],
    ["a URL beside texts and numbers", { image: a, prompt: "A lighthouse", seed: 7, nsfw: false }, [a]],
    ["a URL beside one of another host", { image: a, license: "https://evil.com/x" }, [a]],
    ["text", "A lighthouse, painted", []],
    ["text that contains a URL", `see ${a}`, []],
    ["null", null, []],
    ["undefined", undefined, []],
    ["a number", 7, []],
    ["an empty list", [], []],
    ["a list of nulls", [null, null], []],
    ["a path", "/files/out.png", []],
  ])("the pictures of an output that is %s are found", (_, output, addresses) => {
    expect(findOutputs(output, hosts).addresses).toEqual(addresses);
  });

  test("an output on a host that is not allowed gives the refused host", () => {
    expect(findOutputs(["https://evil.com/a.png"], hosts)).toEqual({
      addresses: [],
      refused_host: "evil.com",
    });
    expect(findOutputs("http://169.254.169.254/latest", hosts).refused_host).toBe("169.254.169.254");
  });

  test("at most ten pictures of an output are used, and deep or wide outputs are searched with bounded work", () => {
    const many = Array.from({ length: 50 }, (_, index) => `https://replicate.delivery/${index}.png`);
    expect(findOutputs(many, hosts).addresses).toEqual(many.slice(0, 10));
    let nested: unknown = a;
    for (let depth = 0; depth < 10_000; depth++) nested = [nested];
    expect(findOutputs(nested, hosts).addresses).toEqual([]);
    let looked = 0;
    const wide = Array.from({ length: 100_000 }, () => ({
      get url() {
        looked++;
        return "text";
      },
    }));
    expect(findOutputs(wide, hosts).addresses).toEqual([]);
    expect(looked).toBeLessThanOrEqual(1_000);
  });
});
