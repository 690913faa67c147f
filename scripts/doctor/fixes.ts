import type { Kind } from "./target.ts";

/** The command that brings a part of the target to the state of this checkout. */
export const fixes = {
  functions: {
    embedded: "npm start, or --port for a stack on another port",
    local: "npx supabase functions serve --env-file supabase/functions/.env",
    hosted: "npx supabase functions deploy --use-api",
  },
  schema: {
    embedded: "stop npm start, and start it again",
    local: "npx supabase db push",
    hosted: "npx supabase db push --remote",
  },
  auth: {
    embedded: "stop npm start, and start it again",
    local: "npx supabase stop, then npx supabase start, which reads supabase/config.toml",
    hosted: "npx supabase config push",
  },
  addresses: {
    embedded: "stop npm start, and start it again",
    local:
      "set GOTRUE_SECURITY_SB_FORWARDED_FOR_ENABLED=true for Auth, and use a key that begins with sb_secret_",
    hosted:
      "npm run deploy with SUPABASE_ACCESS_TOKEN set, and a secret key that begins with sb_secret_ (docs/going-live.md)",
  },
  operator: {
    embedded:
      "npm run operator -- key <address> --port <port>, and set CLOUD_API_OPERATOR_KEY to what it prints",
    local:
      "npm run operator -- key <address> with DATABASE_URL set to its database, and set CLOUD_API_OPERATOR_KEY to what it prints",
    hosted:
      "npm run operator -- key <address> with DATABASE_URL set to the project's, and set CLOUD_API_OPERATOR_KEY to what it prints",
  },
} satisfies Record<string, Record<Kind, string>>;
