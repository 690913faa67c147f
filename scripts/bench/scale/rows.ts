import type { Sql, TransactionSql } from "postgres";

/** An account that gets generations. */
type Owner = {
  project_id: string;
  user_id: string;
};

/**
 * Adds `count` finished generations of one person over the last year. `admin` must be a superuser, since triggers are
 * disabled.
 */
export async function addGenerations(admin: Sql, owner: Owner, count: number): Promise<void> {
  await withoutTriggers(admin, async (tx) => {
    await tx`create temporary table person on commit drop as
      select 1 as n, ${owner.project_id}::uuid as project_id, ${owner.user_id}::uuid as id`;
    await insertGenerations(tx, count);
    await countGenerations(tx, owner.project_id);
  });
}

/**
 * Adds 4,000 developers, 10,000 projects, 100,000 people, a million generations and the usage of 30 million requests.
 * Few projects have most of the people, and few people ask for most of the pictures; the given project is the largest.
 */
export async function fill(admin: Sql, projectId: string): Promise<void> {
  await withoutTriggers(admin, async (tx) => {
    await tx`create temporary table developer on commit drop as
      select n, gen_random_uuid() as id from generate_series(1, 4000) n`;
    await tx`insert into auth.users (id, email) select id, 'developer' || n || '@seeded.example.com' from developer`;
    await tx`insert into public.users (id, role, plan_id, email, email_verified_at, created_at)
      select id, 'developer', case when n % 50 = 0 then 'premium' when n % 12 = 0 then 'starter' else 'free' end,
        'developer' || n || '@seeded.example.com', now(), now() - random() * interval '400 days' from developer`;
    // Project 1 is the existing one.
    await tx`create temporary table project on commit drop as
      select 1 as n, ${projectId}::uuid as id, null::uuid as owner_id
      union all
      select chosen.n, gen_random_uuid(), developer.id
      from (select n, 1 + floor(4000 * power(random(), 1.5))::int as who
        from generate_series(2, 10000) n) chosen
      join developer on developer.n = chosen.who`;
    await tx`insert into public.projects (id, owner_id, name, description, created_at)
      select id, owner_id, 'Project ' || n, 'Seeded', now() - random() * interval '400 days'
      from project where owner_id is not null`;

    await tx`create temporary table person on commit drop as
      select chosen.n, gen_random_uuid() as id, project.id as project_id
      from (select n, 1 + floor(10000 * power(random(), 4))::int as who
        from generate_series(1, 100000) n) chosen
      join project on project.n = chosen.who`;
    await tx`insert into auth.users (id, email) select id, id || '@' || project_id || '.users.invalid' from person`;
    await tx`insert into public.users (id, role, project_id, email, full_name, email_verified_at, deactivated_at, created_at)
      select id, 'end_user', project_id, 'person' || n || '@seeded.example.com', 'Person ' || n,
        case when n % 5 > 0 then now() end, case when n % 100 = 0 then now() end, now() - random() * interval '400 days'
      from person`;
    await tx`insert into auth.sessions (id, user_id, not_after)
      select gen_random_uuid(), id, now() + random() * interval '7 days' from person`;
    await tx`insert into public.audit_events (occurred_at, resource, resource_id, action, project_id, actor_id, actor_role)
      select created_at, 'user', id::text, 'create', project_id, id, 'anonymous' from public.users where role = 'end_user'`;

    await tx`insert into public.developer_keys (user_id, key_prefix, key_hash)
      select id, 'ak_seeds', sha256(id::text::bytea) from developer`;
    await tx`insert into public.api_keys (project_id, key_prefix, key_hash)
      select id, 'ak_seeds', sha256((id || '/' || key)::bytea) from project, generate_series(0, n % 2) key`;
    // Twenty days of each key. A lower number of the project means more requests.
    await tx`insert into public.key_usage (api_key_id, day, requests, errors)
      select id, day, ceil(weight * 30000000.0 / sum(weight) over ()), floor(weight / 100)
      from (select key.id, current_date - ago as day, 10000.0 / (project.n + 50) * (0.5 + random()) as weight
        from project join public.api_keys key on key.project_id = project.id, generate_series(1, 20) ago) row
      on conflict do nothing`;

    await insertGenerations(tx, 1_000_000);
    await tx`insert into public.generation_events (generation_id, kind, created_at)
      select id, status, completed_at from public.generations where created_at > now() - interval '90 days'`;
    await countGenerations(tx, null);
  });
  await admin`vacuum (analyze)`;
}

/** Disables triggers and checks of foreign keys, which would take ten times as long as the rows. */
async function withoutTriggers(admin: Sql, work: (tx: TransactionSql) => Promise<void>): Promise<void> {
  await admin.begin(async (tx) => {
    await tx`set local session_replication_role = replica`;
    // The vacuum afterwards treats rows as old only if their commit is already on the disk.
    await tx`set local synchronous_commit = on`;
    await tx`set local work_mem = '256MB'`;
    await work(tx);
  });
}

/** Adds generations, oldest first, with more in recent months. The temporary table `person` has their users. */
async function insertGenerations(tx: TransactionSql, count: number): Promise<void> {
  await tx`insert into public.generations (id, project_id, user_id, status, instructions, model, outputs, is_public,
      error_code, error, charge, charged_month, submission, prediction_id, predict_seconds, created_at, updated_at,
      completed_at, submitted_at)
    select row.id, row.project_id, row.user_id, row.status, 'Turn photo ' || row.n || ' into a watercolour of a harbour',
      'google/nano-banana',
      case when row.status = 'completed' then jsonb_build_array(jsonb_build_object('path', row.project_id || '/' || row.id || '/0.png',
        'content_type', 'image/png', 'bytes', 240000 + row.n % 9000, 'width', 1024, 'height', 1024,
        'sha256', encode(sha256(row.id::text::bytea), 'hex'))) else '[]' end,
      row.status = 'completed' and row.n % 12 = 0,
      case row.status when 'failed' then 'generation_failed' when 'canceled' then 'canceled' end,
      case row.status when 'failed' then 'The model gave up.' when 'canceled' then 'Canceled.' end,
      case row.status when 'completed' then 'committed' else 'refunded' end, date_trunc('month', row.made_at at time zone 'utc'),
      'accepted', 'seeded' || row.id, 2 + row.n % 7, row.made_at, row.made_at + interval '9 seconds',
      row.made_at + interval '9 seconds', row.made_at + interval '1 second'
    from (
      select chosen.n, gen_random_uuid() as id, person.id as user_id, person.project_id,
        case when chosen.n % 20 = 0 then 'failed' when chosen.n % 33 = 0 then 'canceled' else 'completed' end as status,
        now() - power(1 - chosen.n::float8 / ${count}::int, 1.5) * interval '365 days' - interval '1 minute' as made_at
      from (select n, 1 + floor((select max(n) from person) * power(random(), 2))::int as who
        from generate_series(1, ${count}::int) n) chosen
      join person on person.n = chosen.who
    ) row`;
}

async function countGenerations(tx: TransactionSql, projectId: string | null): Promise<void> {
  await tx`insert into public.generation_usage (project_id, month, generations)
    select project_id, charged_month, count(*) from public.generations
    where charge <> 'refunded' and project_id is not null and (${projectId}::uuid is null or project_id = ${projectId}::uuid)
    group by project_id, charged_month
    on conflict (project_id, month) do update set generations = excluded.generations`;
}
