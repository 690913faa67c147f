// The part of package-lock.json that `npm start` needs.

/** By package: its dependencies that `npm start` never imports. */
const unused = {
  // For its command line, and for databases other than PostgreSQL.
  "@supabase/lite": [
    ...["@sentry/node", "@electric-sql/pglite", "@supabase/pg-delta", "@vercel/detect-agent"],
    ...["@commander-js/extra-typings", "commander", "chokidar", "dotenv"],
  ],
  maildev: ["commander"],
  // Its page is already built.
  "@maildev/ui": [
    ...[
      "@tanstack/react-query",
      "clsx",
      "react",
      "react-dom",
      "socket.io-client",
      "tailwind-merge",
      "zustand",
    ],
  ],
  "@maildev/mcp": ["zod"],
  // For its clients, and its servers on Express.
  "@modelcontextprotocol/sdk": [
    ...["cors", "cross-spawn", "eventsource", "eventsource-parser", "express", "express-rate-limit"],
    ...["json-schema-typed", "pkce-challenge", "raw-body"],
  ],
  // The API reference uses only one finished file.
  "@scalar/fastify-api-reference": [
    ...["@scalar/client-side-rendering", "@scalar/openapi-parser", "@scalar/openapi-types", "github-slugger"],
  ],
  "engine.io": ["@types/cors", "@types/node", "@types/ws"],
};

/** Finds a package as Node does: next to the importing package, then one folder up at a time. */
export function findEntry(packages, from, name) {
  for (
    let at = from;
    ;
    at = at.includes("/node_modules/") ? at.slice(0, at.lastIndexOf("/node_modules/")) : ""
  ) {
    const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (at === "") return undefined;
  }
}

/** The lockfile with only the entries that a start needs. npm installs exactly these, and checks their hashes. */
export function startLock(lock) {
  const packages = {};
  const keep = (path) => {
    const left_out = unused[path.slice(path.lastIndexOf("node_modules/") + 13)] ?? [];
    const { devDependencies: _, ...entry } = lock.packages[path];
    packages[path] = entry;
    for (const kind of ["dependencies", "optionalDependencies", "peerDependencies"]) {
      if (entry[kind] === undefined) continue;
      const names = Object.entries(entry[kind]).filter(([name]) => !left_out.includes(name));
      // Peer dependencies are installed only if another package needs them.
      entry[kind] = kind === "peerDependencies" ? {} : Object.fromEntries(names);
      for (const name of Object.keys(entry[kind])) {
        const found = findEntry(lock.packages, path, name);
        if (found !== undefined && packages[found] === undefined) keep(found);
      }
    }
  };
  keep("");
  return { ...lock, packages };
}
