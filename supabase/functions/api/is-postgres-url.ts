export const postgresUrlRule =
  "must be postgresql://user:password@host:5432/postgres, with %23 %2F %3F %25 for the characters # / ? % of the password";

/** With an unescaped #, / or ? in the password the URL is invalid, or the rest of the password is its path, query or hash. */
export function isPostgresUrl(text: string): boolean {
  const address = URL.parse(text);
  if (address === null || !/^postgres(ql)?:$/.test(address.protocol)) return false;
  const { username, password, pathname, search, hash } = address;
  if (`${pathname}${search}${hash}`.includes("@") || text.includes("[YOUR-PASSWORD]")) return false;
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}
