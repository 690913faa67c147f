/**
 * Code blocks that the suite docs-snippets does not run, by their exact text. Either another suite runs them, or this machine
 * cannot. A test fails for an entry that no document has.
 */
export const runBySuite: { text: string; suite: string }[] = [
  { text: "npm start", suite: "tests/e2e/stack-lifecycle.test.ts" },
  {
    text: 'npx supabase db query --read-only --remote="$DATABASE" "select name, owner_email, state from reports.projects_overview"',
    suite: "tests/db/studio-page.test.ts",
  },
  {
    text: "npm init -y\nnpm install ../cloud-api/dist/devkit4ai-client-0.1.0.tgz",
    suite: "tests/e2e/sdk-package.test.ts",
  },
  {
    text: "npm run deploy -- --project-ref abcdefghijklmnopqrst --dry-run",
    suite: "tests/unit/docs-deploy.test.ts",
  },
  {
    text: "npm --prefix ../.. run build:client\nnode --env-file=.env server.mjs",
    suite: "tests/browser/examples.test.ts",
  },
  {
    text: "npm --prefix ../.. run build:client\nnpm install\nnpm run dev",
    suite: "tests/browser/nextjs.test.ts",
  },
];

export const cannotRunHere: {
  text: string;
  because:
    | "it needs Docker"
    | "it writes into this checkout"
    | "it needs a hosted project"
    | "it needs pg_dump 17 and a second project";
}[] = [
  {
    text: "npx supabase start\nnpx supabase functions serve --env-file supabase/functions/.env",
    because: "it needs Docker",
  },
  {
    text: [
      'curl -X PATCH https://api.supabase.com/v1/projects/<ref>/config/auth -H "Authorization: Bearer $SUPABASE_ACCESS_TOKEN" \\',
      `  --json '{"security_sb_forwarded_for_enabled": true}'`,
    ].join("\n"),
    because: "it needs a hosted project",
  },
  {
    text: [
      "npx supabase link --project-ref <ref>",
      "npx supabase config push",
      "npx supabase db push --remote",
      "npx supabase secrets set --env-file supabase/functions/.env.production",
      "npx supabase functions deploy --use-api",
    ].join("\n"),
    because: "it needs a hosted project",
  },
  {
    text: [
      "npm start -- --docker              # in another terminal: supabase start, the functions and their settings",
      "npm run target -- .local/target.json",
      "CLOUD_API_TARGET=.local/target.json npm test -- api",
    ].join("\n"),
    because: "it needs Docker",
  },
  { text: "npx supabase login", because: "it needs a hosted project" },
  {
    text: "cp .env.example supabase/functions/.env.production",
    because: "it writes into this checkout",
  },
  {
    text: [
      "npm run deploy -- --project-ref <ref> --site https://app.example.com --dry-run",
      "npm run deploy -- --project-ref <ref> --site https://app.example.com",
    ].join("\n"),
    because: "it needs a hosted project",
  },
  {
    text: `DATABASE_URL='<the one of step 2>' npm run operator -- create you@example.com --name "Your Name"`,
    because: "it needs a hosted project",
  },
  {
    text: "CLOUD_API_OPERATOR_KEY=<the key of step 4> npm run operator -- developer you@example.org --url https://<ref>.supabase.co > app.env",
    because: "it needs a hosted project",
  },
  {
    text: [
      "CLOUD_API_OPERATOR_KEY=ok_… CLOUD_API_SECRET_KEY=sb_secret_… CLOUD_API_PUBLISHABLE_KEY=sb_publishable_… \\",
      "  npm run doctor -- --url https://<ref>.supabase.co",
    ].join("\n"),
    because: "it needs a hosted project",
  },
  {
    text: "npx supabase db push --remote='postgresql://postgres.<tenant>:<password>@<server>:5432/postgres' --yes",
    because: "it needs Docker",
  },
  {
    text: "select private.ensure_buckets();\nselect private.ensure_realtime();",
    because: "it needs Docker",
  },
  {
    text: [
      "select vault.create_secret('http://kong:8000/functions/v1/api/v1/internal/reconcile', 'reconcile_url');",
      "select vault.create_secret('<CRON_SECRET>', 'cron_secret');",
    ].join("\n"),
    because: "it needs Docker",
  },
  {
    text: [
      "npx supabase link --project-ref abcdefghijklmnopqrst",
      "npx supabase config diff --remote=abcdefghijklmnopqrst --workdir <config with site_url https://abcdefghijklmnopqrst.supabase.co>",
      "npx supabase config push --remote=abcdefghijklmnopqrst --yes --workdir <config with site_url https://abcdefghijklmnopqrst.supabase.co>",
      "node scripts/deploy/forward-addresses.ts abcdefghijklmnopqrst",
      "npx supabase db push --remote=abcdefghijklmnopqrst --yes",
      "npx supabase secrets set --remote=abcdefghijklmnopqrst --env-file supabase/functions/.env.production",
      "npx supabase functions deploy --remote=abcdefghijklmnopqrst --use-api --yes",
      "npx supabase db query --remote=abcdefghijklmnopqrst --yes --file <statements>",
      "node scripts/deploy/pages.ts https://abcdefghijklmnopqrst.supabase.co/functions/v1",
      "npm run doctor -- --url https://abcdefghijklmnopqrst.supabase.co --settings supabase/functions/.env.production",
    ].join("\n"),
    because: "it needs a hosted project",
  },
  {
    text: [
      "npx supabase domains reverify --remote=<ref>",
      "npx supabase domains activate --remote=<ref>",
    ].join("\n"),
    because: "it needs a hosted project",
  },
  {
    text: [
      'pg_dump "$DATABASE" --data-only --schema public --schema private --schema auth \\',
      "  --exclude-table auth.schema_migrations --file data.sql",
      'pg_dump "$DATABASE" --data-only --table storage.buckets --table storage.objects --file storage.sql',
    ].join("\n"),
    because: "it needs pg_dump 17 and a second project",
  },
  {
    text: [
      'psql "$NEW_DATABASE" --single-transaction --set ON_ERROR_STOP=1 \\',
      '    --command "set session_replication_role = replica" --file empty.sql --file data.sql --file storage.sql',
      "npm run doctor -- --url https://<new ref>.supabase.co",
    ].join("\n"),
    because: "it needs pg_dump 17 and a second project",
  },
];
