/**
 * Blocks of the documents that the runner of snippets does not run, by their exact text: either a suite runs them, or this machine
 * cannot. A block that is in neither list, and an entry that no document has, fail.
 */
export const runBySuite: { text: string; suite: string }[] = [
  { text: "npm start", suite: "tests/e2e/stack-lifecycle.test.ts" },
];

export const cannotRunHere: { text: string; because: "it needs Docker" | "it needs a hosted project" }[] = [
  {
    text: "npx supabase start\nnpx supabase functions serve --env-file supabase/functions/.env",
    because: "it needs Docker",
  },
  {
    text: [
      "npx supabase link --project-ref <ref>",
      "npx supabase config push",
      "npx supabase db push --remote",
      "npx supabase secrets set --env-file supabase/functions/.env",
      "npx supabase functions deploy --use-api",
    ].join("\n"),
    because: "it needs a hosted project",
  },
  {
    text: [
      "select vault.create_secret('https://<ref>.supabase.co/functions/v1/api/v1/internal/reconcile', 'reconcile_url');",
      "select vault.create_secret('<CRON_SECRET>', 'cron_secret');",
    ].join("\n"),
    because: "it needs a hosted project",
  },
];
