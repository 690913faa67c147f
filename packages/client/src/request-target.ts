export type Params = Record<string, string | number | null>;

/** The path with its parameters, and the query without null values. */
export function requestTarget(path: string, params: Params = {}, query: object = {}): string {
  return fill(path, params) + queryOf(query);
}

function fill(path: string, params: Params): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(params[name] ?? "");
    // An empty id or dots would change the path.
    if (/^\.{0,2}$/.test(value)) throw new TypeError(`${name} must be an id, not ${JSON.stringify(value)}.`);
    return encodeURIComponent(value);
  });
}

function queryOf(query: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) search.set(name, String(value));
  }
  return search.size > 0 ? `?${search}` : "";
}
