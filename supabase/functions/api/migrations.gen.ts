// The files of supabase/migrations, by `npm run generate`.
export const migrations: readonly string[] = [
  "20261130000000",
  "20261130000100",
];
