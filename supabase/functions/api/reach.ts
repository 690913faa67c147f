/**
 * Who can open an address: everybody, this machine and its network, or only a container beside the function.
 * The names and blocks are IANA's: special-use domain names, and the IPv4 and IPv6 special-purpose registries.
 */
export type Reach = "public" | "private" | "container";

/** Names of local networks. The public DNS never answers them. */
const privateNames = new Set([
  "localhost",
  "local",
  "lan",
  "home",
  "corp",
  "intranet",
  "localdomain",
  "arpa",
  "test",
  "invalid",
  "example",
  "onion",
]);

const privateV4: readonly [number, number, number, number, bits: number][] = [
  [10, 0, 0, 0, 8],
  [100, 64, 0, 0, 10],
  [127, 0, 0, 0, 8],
  [169, 254, 0, 0, 16],
  [172, 16, 0, 0, 12],
  [192, 0, 0, 0, 24],
  [192, 0, 2, 0, 24],
  [192, 88, 99, 0, 24],
  [192, 168, 0, 0, 16],
  [198, 18, 0, 0, 15],
  [198, 51, 100, 0, 24],
  [203, 0, 113, 0, 24],
  [224, 0, 0, 0, 3],
];

/** Resolves no name. An invalid address is `container`, since no client can open it. */
export function reachOf(address: string): Reach {
  const { hostname = "" } = URL.parse(address) ?? {};
  if (hostname.startsWith("[")) return reachOfV6(groupsOf(hostname.slice(1, -1)));
  // The URL parser turns every form of an IPv4 address into dotted decimals.
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return reachOfV4(hostname.split(".").map(Number));
  const labels = hostname.replace(/\.$/, "").split(".");
  const last = labels.at(-1) ?? "";
  if (last === "localhost") return "private";
  if (labels.length < 2 || last === "internal") return "container";
  return privateNames.has(last) ? "private" : "public";
}

export const isPublic = (address: string): boolean => reachOf(address) === "public";

export function isLoopback(address: string): boolean {
  const { hostname = "" } = URL.parse(address) ?? {};
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

function reachOfV4([a = 0, b = 0, c = 0, d = 0]: number[]): Reach {
  if (a === 0) return "container";
  const value = toInteger(a, b, c, d);
  const isPrivate = privateV4.some(([w, x, y, z, bits]) => {
    const shift = 2 ** (32 - bits);
    return Math.floor(value / shift) === Math.floor(toInteger(w, x, y, z) / shift);
  });
  return isPrivate ? "private" : "public";
}

const toInteger = (a: number, b: number, c: number, d: number) => ((a * 256 + b) * 256 + c) * 256 + d;

/** The eight groups of an address that the URL parser has normalized. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const numbers = (text: string) => (text === "" ? [] : text.split(":").map((group) => parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [first, last] = [numbers(head), numbers(tail)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}

function reachOfV6(groups: number[]): Reach {
  const [first = 0, second = 0, third = 0] = groups;
  const v4 = (high = 0, low = 0) => reachOfV4([high >> 8, high & 255, low >> 8, low & 255]);
  const startsWith = (...wanted: number[]) => wanted.every((group, index) => groups[index] === group);
  if (startsWith(0, 0, 0, 0, 0, 0, 0, 0)) return "container";
  if (startsWith(0, 0, 0, 0, 0, 0, 0, 1)) return "private";
  // Mapped, compatible, translated (NAT64) and tunneled (6to4) addresses reach the same hosts as their IPv4 address.
  if (startsWith(0, 0, 0, 0, 0, 0xffff) || startsWith(0, 0, 0, 0, 0, 0)) return v4(groups[6], groups[7]);
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return v4(groups[6], groups[7]);
  if (first === 0x2002) return v4(second, third);
  // Only 2000::/3 is routed; of it, 2001:0000::/23 and 2001:db8::/32 are not.
  const isRouted = first >> 13 === 1 && !(first === 0x2001 && (second < 0x200 || second === 0xdb8));
  return isRouted ? "public" : "private";
}
