-- What the remaining columns mean, for whoever opens the tables in Studio without our code.

comment on column public.plans.id is 'Name of the plan.';
comment on column public.plans.is_default is 'Whether new developers get it; at most one plan is.';
comment on column public.plans.created_at is 'When it was made.';
comment on column public.plans.updated_at is 'When it last changed.';

comment on column public.users.role is 'operator runs the platform, developer owns projects, end_user uses one project.';
comment on column public.users.full_name is 'As the person wrote it.';
comment on column public.users.created_at is 'When the account was registered.';
comment on column public.users.updated_at is 'When it last changed.';

comment on column public.projects.id is 'Sent by apps as X-Project-ID; first part of the paths of its files.';
comment on column public.projects.name is 'Shown to its developer.';
comment on column public.projects.description is 'Shown to its developer.';
comment on column public.projects.created_at is 'When it was made.';
comment on column public.projects.updated_at is 'When it last changed.';

comment on column public.api_keys.id is 'Names the key in the API; the key itself is not kept.';
comment on column public.api_keys.project_id is 'The project that the key names.';
comment on column public.api_keys.name is 'Chosen by the developer.';
comment on column public.api_keys.last_used_at is 'Last request that named the key, to a minute or so.';
comment on column public.api_keys.expires_at is 'When it stops working; null never.';
comment on column public.api_keys.revoked_at is 'When it was revoked, else null.';
comment on column public.api_keys.created_at is 'When it was made.';

comment on column public.developer_keys.id is 'Names the key in the API; the key itself is not kept.';
comment on column public.developer_keys.user_id is 'The developer whom the key names.';
comment on column public.developer_keys.name is 'Chosen by the developer.';
comment on column public.developer_keys.last_used_at is 'Last request that named the key, to a minute or so.';
comment on column public.developer_keys.expires_at is 'When it stops working; null never.';
comment on column public.developer_keys.revoked_at is 'When it was revoked, else null.';
comment on column public.developer_keys.created_at is 'When it was made.';

comment on column public.operator_keys.id is 'Names the key; the key itself is not kept.';
comment on column public.operator_keys.user_id is 'The operator whom the key names.';
comment on column public.operator_keys.name is 'Chosen by the operator.';
comment on column public.operator_keys.last_used_at is 'Last request that named the key, to a minute or so.';
comment on column public.operator_keys.expires_at is 'When it stops working; null never.';
comment on column public.operator_keys.revoked_at is 'When it was revoked, else null.';
comment on column public.operator_keys.created_at is 'When it was made.';

comment on column public.generations.project_id is 'The project whose quota it took; null for anonymous ones.';
comment on column public.generations.user_id is 'Who asked for it; null for anonymous ones.';
comment on column public.generations.status is 'pending, processing, then completed, failed or canceled.';
comment on column public.generations.instructions is 'What the person wrote.';
comment on column public.generations.model is 'Model at Replicate, owner/name.';
comment on column public.generations.is_public is 'Whether everybody may see the result.';
comment on column public.generations.error_code is 'Why it has no picture, for programs.';
comment on column public.generations.error is 'Why it has no picture, for people.';
comment on column public.generations.submission_attempts is 'How often a request to Replicate was begun.';
comment on column public.generations.submitted_at is 'When the last request to Replicate was begun.';
comment on column public.generations.completed_at is 'When it became completed, failed or canceled.';
comment on column public.generations.created_at is 'When it was asked for.';
comment on column public.generations.updated_at is 'When it last changed.';

comment on column public.generation_events.id is 'In the order in which things happened.';
comment on column public.generation_events.generation_id is 'The generation that it happened to.';
comment on column public.generation_events.created_at is 'When it happened.';

comment on column public.generation_usage.project_id is 'The project.';
comment on column public.generation_usage.generations is 'How many count against the month.';

comment on column public.audit_events.id is 'In the order of the changes.';
comment on column public.audit_events.occurred_at is 'When the change was made.';
comment on column public.audit_events.action is 'create, update or delete.';

comment on column reports.projects_overview.id is 'The project.';
comment on column reports.projects_overview.name is 'Its name.';
comment on column reports.projects_overview.owner_email is 'Address of its developer.';
comment on column reports.projects_overview.plan_id is 'Its plan, or else the owner''s.';
comment on column reports.projects_overview.state is 'active, inactive, owner deactivated, deleted or being removed.';
comment on column reports.projects_overview.users is 'End users, closed accounts too.';
comment on column reports.projects_overview.active_api_keys is 'Keys that work now.';
comment on column reports.projects_overview.generations_this_month is 'Charged generations of this UTC month.';
comment on column reports.projects_overview.generations_per_month is 'What the plan allows; null is unlimited.';
comment on column reports.projects_overview.last_generation_at is 'When a picture was last asked for.';
comment on column reports.projects_overview.created_at is 'When it was made.';
comment on column reports.projects_overview.deleted_at is 'When its owner deleted it.';
comment on column reports.projects_overview.purge_at is 'When what it holds is removed for good.';

comment on column reports.developers.id is 'The account.';
comment on column reports.developers.email is 'Address.';
comment on column reports.developers.full_name is 'Name.';
comment on column reports.developers.plan_id is 'Plan.';
comment on column reports.developers.email_verified_at is 'When the address was proved.';
comment on column reports.developers.deactivated_at is 'When the account was closed.';
comment on column reports.developers.projects is 'Projects, without deleted ones.';
comment on column reports.developers.projects_allowed is 'What the plan allows; null is unlimited.';
comment on column reports.developers.users is 'End users of all projects.';
comment on column reports.developers.created_at is 'When the account was registered.';

comment on column reports.generations_per_day.day is 'UTC day on which they were asked for.';
comment on column reports.generations_per_day.project_id is 'The project; null for anonymous ones.';
comment on column reports.generations_per_day.project_name is 'Its name.';
comment on column reports.generations_per_day.total is 'All of them.';
comment on column reports.generations_per_day.completed is 'With a picture.';
comment on column reports.generations_per_day.failed is 'Without one; not charged.';
comment on column reports.generations_per_day.canceled is 'Ended by somebody; not charged.';
comment on column reports.generations_per_day.running is 'Pending or processing.';
comment on column reports.generations_per_day.median_seconds is 'From asking to the stored picture, of the completed ones.';
comment on column reports.generations_per_day.predict_seconds is 'Replicate''s computing time, which costs money.';

comment on column reports.failures_per_day.day is 'UTC day.';
comment on column reports.failures_per_day.error_code is 'Why, for programs.';
comment on column reports.failures_per_day.generations is 'How many.';
comment on column reports.failures_per_day.projects is 'In how many projects.';
comment on column reports.failures_per_day.error is 'Why, for people.';

comment on column reports.keys.kind is 'api_key, developer_key or operator_key.';
comment on column reports.keys.id is 'The key.';
comment on column reports.keys.name is 'Its name.';
comment on column reports.keys.key_prefix is 'Its first eight characters.';
comment on column reports.keys.belongs_to is 'Name of the project, or address of the account.';
comment on column reports.keys.last_used_at is 'Last request that named it.';
comment on column reports.keys.expires_at is 'When it stops working; null never.';
comment on column reports.keys.grace_ends_at is 'When a rotated key stops working.';
comment on column reports.keys.revoked_at is 'When it was revoked.';
comment on column reports.keys.created_at is 'When it was made.';

comment on column reports.recent_changes.occurred_at is 'When.';
comment on column reports.recent_changes.actor_role is 'Role of who changed it.';
comment on column reports.recent_changes.actor_email is 'Address of who changed it, if an account did.';
comment on column reports.recent_changes.action is 'create, update or delete.';
comment on column reports.recent_changes.resource is 'What kind of thing.';
comment on column reports.recent_changes.resource_id is 'Which one.';
comment on column reports.recent_changes.project_name is 'Project that it belongs to.';
comment on column reports.recent_changes.changes is 'Old and new values; personal ones are left out.';
comment on column reports.recent_changes.ip is 'Address of the caller.';
comment on column reports.recent_changes.request_id is 'X-Request-Id of the request.';
