// The part of package-lock.json that `npm start` needs.

/** What the packages of a start ask for, and none of the code that a start runs imports. */
const unused = new Set([
  // The command line of @supabase/lite, and the databases that it offers besides PostgreSQL.
  ...["@sentry/node", "@electric-sql/pglite", "@supabase/pg-delta", "@vercel/detect-agent"],
  ...["@commander-js/extra-typings", "commander", "chokidar", "dotenv"],
  // The page of the mail inbox is built already.
  ...["react", "react-dom", "@tanstack/react-query", "clsx", "tailwind-merge", "zustand", "socket.io-client"],
  // Of Scalar, the reference takes one finished file.
  ...["@scalar/client-side-rendering", "@scalar/openapi-parser", "@scalar/openapi-types", "github-slugger"],
  ...["@types/node", "typescript"],
]);

/** Follows Node's look-up: next to the package, then one folder up at a time. */
function findEntry(packages, from, name) {
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

/** The entries that a start needs, as a lockfile: npm installs exactly these, and checks their hashes. */
export function startLock(lock) {
  const packages = {};
  const keep = (path) => {
    const { devDependencies: _, ...entry } = lock.packages[path];
    packages[path] = entry;
    for (const kind of ["dependencies", "optionalDependencies", "peerDependencies"]) {
      if (entry[kind] === undefined) continue;
      const names = Object.entries(entry[kind]).filter(([name]) => !unused.has(name));
      // A peer is there when another package needs it.
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
