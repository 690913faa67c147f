/** How a person calls a field: the field itself, and for a list one of its entries and several of them. */
type Label = { field: string; one?: string; many?: string };

/** Every field, parameter and header that a caller can get wrong. */
export const labels: Record<string, Label> = {
  accent_color: { field: "The colour of buttons" },
  action: { field: "The action" },
  allowed_origins: {
    field: "The list of allowed origins",
    one: "An allowed origin",
    many: "allowed origins",
  },
  aspect_ratio: { field: "The aspect ratio" },
  concurrent_generations: { field: "The number of pictures at once" },
  count: { field: "The number of uploads" },
  current_password: { field: "The current password" },
  cursor: { field: "The cursor" },
  days: { field: "The number of days" },
  delivery_id: { field: "The id of the delivery" },
  deleted: { field: "The filter for deleted projects" },
  description: { field: "The description" },
  email: { field: "The email address" },
  email_verification: { field: "The setting for email verification" },
  events: { field: "The list of events", one: "An event", many: "events" },
  expires_at: { field: "The expiry" },
  files: { field: "The list of pictures", one: "A picture", many: "pictures" },
  footer: { field: "The footer" },
  full_name: { field: "The name" },
  generation_id: { field: "The id of the generation" },
  grace_seconds: { field: "The grace period in seconds" },
  id: { field: "The id" },
  "Idempotency-Key": { field: "The Idempotency-Key" },
  index: { field: "The number of the picture" },
  instructions: { field: "The prompt" },
  is_active: { field: "The switch for active" },
  is_public: { field: "The switch for public" },
  key_id: { field: "The id of the key" },
  kind: { field: "The kind of mail" },
  language: { field: "The language" },
  "last-event-id": { field: "The Last-Event-ID" },
  logo_url: { field: "The address of the logo" },
  mail: { field: "The settings for mail" },
  management: { field: "The switch for management" },
  model: { field: "The model" },
  name: { field: "The name" },
  new_email: { field: "The new email address" },
  new_password: { field: "The new password" },
  page: { field: "The page" },
  page_size: { field: "The size of a page" },
  password: { field: "The password" },
  per_page: { field: "The size of a page" },
  plan_id: { field: "The plan" },
  project_id: { field: "The id of the project" },
  prompt: { field: "The prompt" },
  refresh_token: { field: "The refresh token" },
  reset_url: { field: "The address of the page that sets a new password" },
  resource: { field: "The kind of thing" },
  scope: { field: "The scope" },
  search: { field: "The search" },
  seed: { field: "The seed" },
  sender_name: { field: "The name of the sender" },
  session_id: { field: "The id of the session" },
  site_url: { field: "The address of the site" },
  status: { field: "The status" },
  ticket: { field: "The ticket" },
  token: { field: "The token" },
  upload_ids: { field: "The list of uploads", one: "An upload", many: "uploads" },
  url: { field: "The address" },
  user_id: { field: "The id of the user" },
  verification_token: { field: "The verification code" },
  generations_per_day: { field: "The number of pictures a day" },
  generations_per_month: { field: "The number of pictures a month" },
  user_concurrent: { field: "The number of one person's pictures at once" },
  user_generations_per_day: { field: "The number of one person's pictures a day" },
  user_generations_per_month: { field: "The number of one person's pictures a month" },
  verify_url: { field: "The address of the page that confirms an email address" },
  wait: { field: "The time to wait" },
  webhook_id: { field: "The id of the webhook" },
  "webhook-id": { field: "The webhook's id" },
  "webhook-signature": { field: "The webhook's signature" },
  "webhook-timestamp": { field: "The webhook's time" },
};

/** What a rule says of the field that breaks it. Written so that whoever fills in a form understands it. */
export const predicates = {
  color: "must be a colour such as #2563eb",
  cursor: "is not one that this list gave",
  different_password: "must differ from the current one",
  email: "is not an email address",
  footer: "may only hold addresses that begin with https://",
  future: "must be in the future",
  hex_id: "is not a valid id",
  idempotency_key: "must be 1 to 255 visible ASCII characters",
  instant: "must be a date and time with a zone, such as 2027-11-24T09:00:00Z",
  logo_url: "must be an address that begins with https://, without a user name or password",
  no_invisible: "contains an invisible character",
  not_empty: "may not be empty",
  one_line: "contains a line break or an invisible character",
  origin: "is not an origin such as https://app.example.com or https://*.example.com",
  platform_name: "looks like the name of the platform",
  public_host: "must name a host that the public internet can reach",
  site_url: "must be an address such as https://app.example.com, without a user name or password",
  storable: "contains a character that cannot be stored",
  webhook_url: "must begin with https:// and have no user name, password or fragment",
  unique: "names the same thing twice",
} as const;

const types: Record<string, string> = {
  array: "must be a list",
  boolean: "must be true or false",
  int: "must be a whole number",
  null: "must be empty",
  number: "must be a number",
  object: "must be an object",
  string: "must be text",
};

const formats: Record<string, string> = {
  datetime: predicates.instant,
  email: predicates.email,
  safeint: "must be a whole number",
  url: "must be an address such as https://app.example.com",
  uuid: predicates.hex_id,
};

export type Loc = (string | number)[];
export type Issue = {
  path: PropertyKey[];
  message: string;
  code?: string | undefined;
  errors?: Issue[][];
  expected?: string;
  format?: string;
  keys?: string[];
  maximum?: number | bigint;
  minimum?: number | bigint;
  origin?: string;
  values?: unknown[];
};

const entries = (count: unknown, { many = "entries" }: Label) =>
  count === 1 ? "one entry" : `${count} ${many}`;
const plural = (count: unknown, unit: string) => `${count} ${unit}${count === 1 ? "" : "s"}`;

/** One entry for each kind of issue that a schema can report. `value` is what was sent in that place. */
const rules: Record<string, (issue: Issue, value: unknown, label: Label) => string> = {
  custom: ({ message }) => message,
  invalid_element: () => "contains something that is not allowed",
  invalid_format: ({ format = "" }) => formats[format] ?? "does not have the right form",
  invalid_key: () => "contains a field that is not allowed",
  invalid_type: ({ expected = "" }, value) =>
    value === undefined ? "is missing" : (types[expected] ?? "is not of the right kind"),
  invalid_union: () => "does not have one of the forms that are allowed",
  invalid_value: ({ values = [] }) =>
    values.length === 1 ? `must be ${values[0]}` : `must be one of these: ${values.join(", ")}`,
  not_multiple_of: () => "must be a whole number",
  too_big: ({ origin, maximum }, _, label) => {
    if (origin === "string") return `may have at most ${plural(maximum, "character")}`;
    return origin === "array" ? `may have at most ${entries(maximum, label)}` : `may be at most ${maximum}`;
  },
  too_small: ({ origin, minimum }, _, label) => {
    if (origin === "string" && minimum === 1) return predicates.not_empty;
    if (origin === "string") return `must have at least ${plural(minimum, "character")}`;
    return origin === "array"
      ? `must have at least ${entries(minimum, label)}`
      : `must be at least ${minimum}`;
  },
  unrecognized_keys: ({ message }) => message,
};
export const ruleNames = Object.keys(rules);

/** A whole sentence about the field at `loc`, which begins with `body`, `query`, `path` or `header`. */
export function sentenceAbout(loc: Loc, predicate: string): string {
  if (/^["A-Z].*[.?!]$/s.test(predicate)) return predicate;
  const name = loc.findLast((part) => typeof part === "string" && labels[part] !== undefined) ?? "";
  const { field, one } = labels[name] ?? unnamed(loc);
  return `${typeof loc.at(-1) === "number" ? (one ?? field) : field} ${predicate}.`;
}

const unnamed = (loc: Loc): Label =>
  loc.length > 1 ? { field: `The field "${loc.at(-1)}"` } : { field: "The request" };

export function sentenceFor(issue: Issue, loc: Loc, value: unknown): string {
  const label = labels[String(loc.findLast((part) => typeof part === "string"))] ?? unnamed(loc);
  const rule = rules[issue.code ?? "custom"] ?? rules.invalid_union;
  return sentenceAbout(loc, rule?.(issue, value, label) ?? "is not valid");
}

/** The longest wait that is told in each unit, and how many seconds the unit has. */
const units = [
  [90, 1, "second"],
  [90 * 60, 60, "minute"],
  [36 * 3600, 3600, "hour"],
  [Number.POSITIVE_INFINITY, 86_400, "day"],
] as const;

/** When a limit lets the next request through. Rounded up, so that whoever waits so long is let through. */
export function waitSentence(seconds: number): string {
  const [, size, unit] = units.find(([most]) => seconds <= most) ?? units[3];
  return `Try again in ${plural(Math.max(1, Math.ceil(seconds / size)), unit)}.`;
}
