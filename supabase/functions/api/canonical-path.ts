const prefix = "/api/v1";

/** Paths of older clients, and the documented path for each. `:id` is one segment. */
const aliases: readonly [RegExp, string][] = [
  [/^\/generation\/generate$/, "/generation/generate-v2"],
  [/^\/generation\/generate-anonymous$/, "/generation/generate-anonymous-v2"],
  [/^\/generation\/generations(?:-v2)?$/, "/generation"],
  [/^\/generation\/generations(?:-v2)?\/([^/]+)$/, "/generation/$1"],
  [/^\/generation\/generations(?:-v2)?\/([^/]+)\/(status|events|public)$/, "/generation/$1/$2"],
  [/^\/generation\/public-generations-v2$/, "/generation/public"],
  [
    /^\/generation\/anonymous-generations\/([^/]+)\/(status|events)$/,
    "/generation/anonymous-generations-v2/$1/$2",
  ],
];

/** The usual form of a path: without doubled parts and older names. */
const plain = /^\/api\/v1(?!\/api\/|\/generation\/(?:generat|public-|anonymous-))(?:\/[\w-]+)+$/;

/**
 * The documented path of a request. Clients send doubled slashes, doubled prefixes, trailing slashes and older names. The first
 * segment can be the name of a function (`api`, `health`, `generation`). The API never redirects, since clients repeat a POST as GET.
 */
export function canonicalPath(pathname: string): string {
  if (plain.test(pathname)) return pathname;
  let path = pathname.replace(/\/{2,}/g, "/").replace(/\/$/, "");
  for (const doubled of ["/api", prefix]) {
    while (path.startsWith(`${doubled}${prefix}/`) || path === doubled + prefix)
      path = path.slice(doubled.length);
  }
  // The client's base address ends with the function's name, and the path has no prefix of its own.
  if (/^\/api\/(generation|health)(\/|$)/.test(path)) path = path.slice("/api".length);
  if (path === "" || path === "/api" || path === prefix) return "/";
  if (path === "/health") return path;
  const rest = path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : path;
  if (rest === path && !/^\/(generation|health)(\/|$)/.test(path)) return path;
  for (const [pattern, replacement] of aliases) {
    if (pattern.test(rest)) return prefix + rest.replace(pattern, replacement);
  }
  return prefix + rest;
}
