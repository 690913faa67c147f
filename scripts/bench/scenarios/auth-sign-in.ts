import type { MakeScenario } from "../scenario.ts";

/** The lower bound of a login: the same accounts sign in at Supabase Auth itself, which hashes the password. */
export const scenario: MakeScenario = ({ people, project_id, password, publishable_key }) => ({
  name: "sign-in at Auth alone (the hash)",
  method: "POST",
  connections: 4,
  requests: people.map(({ id }) => ({
    path: "/auth/v1/token?grant_type=password",
    headers: { apikey: publishable_key, "Content-Type": "application/json" },
    body: JSON.stringify({ email: `${id}@${project_id}.users.invalid`, password }),
  })),
});
