// Made from docs/openapi.json by `npm run generate`.
export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check that the API runs
         * @description Constant, and asks nothing of the parts behind it: for load balancers and for starting up.
         */
        get: operations["health.live"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check that the API can serve
         * @description Asks every part, and answers within a second also when one is down.
         */
        get: operations["health.get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/database": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check the database
         * @description One part, within a second. 503 when it is configured and does not answer.
         */
        get: operations["health.database"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/storage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check the storage
         * @description One part, within a second. 503 when it is configured and does not answer.
         */
        get: operations["health.storage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/redis": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Check Redis
         * @description One part, within a second. 503 when it is configured and does not answer.
         */
        get: operations["health.redis"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/health/detailed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get health in detail
         * @description Versions, pool, queue, jobs, mail and settings are told to operators only.
         */
        get: operations["health.detailed"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get figures for Prometheus
         * @description Requests by route and status with their durations, counted by all instances; open generations, mail, jobs, connections. Scrape it with the header X-Operator-Key, every 15 seconds or less often.
         */
        get: operations["metrics.scrape"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create an account
         * @description With `X-Operator-Key` a developer, who also gets a first project, a developer key and an API key; with `X-Developer-Key` and `X-Project-ID` an end user of that project. The answer has no tokens where the address has to be verified before the first login, and where the account was made but could not be signed in just now: `needs_verification` tells which.
         */
        post: operations["auth.register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in
         * @description End users send `X-Project-ID`; developers and operators send none.
         */
        post: operations["auth.login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refresh a session
         * @description The refresh token in the body, or as `Authorization: Bearer`. Two tabs may use the same one within ten seconds, and the one before the newest always works, in case the answer got lost; an older one ends the session.
         */
        post: operations["auth.refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the signed-in account
         * @description Of whoever the access token belongs to: an end user, a developer or an operator.
         */
        get: operations["auth.me"];
        put?: never;
        post?: never;
        /**
         * Delete the signed-in account
         * @description Removes the account, its sessions, keys and generations at once, and its files shortly after. A developer's projects go with everything in them, the end users' accounts included. Nothing is kept.
         */
        delete: operations["auth.deleteMe"];
        options?: never;
        head?: never;
        /**
         * Change the signed-in account
         * @description The address cannot be changed, the password at `/auth/change-password`.
         */
        patch: operations["auth.updateMe"];
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign out
         * @description Access and refresh tokens of an ended session are refused from this moment on. The body may be left out.
         */
        post: operations["auth.logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List sessions
         * @description Newest first. A session begins with a sign-in and lasts while it is refreshed, at most seven days. A bare array.
         */
        get: operations["sessions.list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/sessions/{session_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * End a session
         * @description Its tokens are refused from this moment on. The current session may be ended too.
         */
        delete: operations["sessions.revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/change-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the password
         * @description This session goes on, every other one ends, and the owner is told by mail.
         */
        post: operations["auth.changePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/change-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change the email address
         * @description Both addresses get a mail. The new one counts when its link is used, within a day, at `POST /auth/verify-email`; sessions go on. A newer request, or a new password, ends this one.
         */
        post: operations["auth.changeEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/verify-email": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Verify an email address
         * @description Takes the token of a verification mail or of a change of address. It works once, within a day; five wrong codes end the codes that were mailed so far. Signs nobody in.
         */
        post: operations["auth.verifyEmail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/check-mail-token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Check the token of a mail
         * @description For the page that a link leads to: it can say at once that a link was used or is too old. Uses nothing up.
         */
        post: operations["auth.checkMailToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/request-verification": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request a verification mail
         * @description For the signed-in account, or without a token for an `email` (end users send `X-Project-ID`) or a `user_id`. The answer is the same whether or not there is such an account and whether it is verified. One mail a minute; links of earlier mails go on working.
         */
        post: operations["auth.requestVerification"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/request-password-reset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Request a mail to set a new password
         * @description End users send `X-Project-ID`. The answer and its time are the same whether or not there is such an account. One mail a minute; the newest link counts.
         */
        post: operations["auth.requestPasswordReset"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/reset-password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Set a new password
         * @description A token works once, within an hour. If the password cannot be set just now, the token can be used again. Every session ends; nobody is signed in.
         */
        post: operations["auth.resetPassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/developer-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List developer keys
         * @description Newest first. Ended ones too. `key_prefix` tells which one a program uses. A bare array.
         */
        get: operations["developerKeys.list"];
        put?: never;
        /**
         * Create a developer key
         * @description At most ten are active at once. The owner is told by mail.
         */
        post: operations["developerKeys.create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/developer-keys/{key_id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace a developer key
         * @description The new key has the old one's name, rights and expiry. The body may be left out.
         */
        post: operations["developerKeys.rotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/developer-keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a developer key
         * @description It is refused from this moment on. A key cannot be revoked by a request that carries it.
         */
        delete: operations["developerKeys.revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List projects
         * @description Newest first. A developer's own; an operator sees all. A bare array; how many there are on all pages is in `X-Total-Count`.
         */
        get: operations["projects.list"];
        put?: never;
        /**
         * Create a project
         * @description It belongs to the caller; an operator makes it for themselves. It has no key yet: `POST /projects/{project_id}/api-keys` makes one.
         */
        post: operations["projects.create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the end users of all projects
         * @description Newest first. Of the caller's projects; an operator sees all.
         */
        get: operations["users.listAll"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get totals of all projects
         * @description A developer's own; an operator's are those of the platform.
         */
        get: operations["projects.globalStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/transfers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List projects offered to you
         * @description Offers to the caller's address, newest first. The address has to be verified.
         */
        get: operations["transfers.list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a project
         * @description One that the caller runs; any for an operator. Another one is 404.
         */
        get: operations["projects.get"];
        /**
         * Change a project by PUT
         * @description The same as PATCH: fields that are left out stay as they are.
         */
        put: operations["projects.replace"];
        post?: never;
        /**
         * Delete a project
         * @description Its keys, end users, generations and pictures are refused at once, and running generations are canceled. They are removed for good after seven days, or what PROJECT_PURGE_DAYS says; until then `restore` brings the project back. Keep its id.
         */
        delete: operations["projects.delete"];
        options?: never;
        head?: never;
        /**
         * Change a project
         * @description Fields that are left out stay as they are. `is_active: false` refuses its keys and end users; its owner still manages it.
         */
        patch: operations["projects.update"];
        trace?: never;
    };
    "/api/v1/projects/{project_id}/users/{user_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete an end user
         * @description Removes the account, its sessions and generations at once, and its files shortly after. Nothing is kept.
         */
        delete: operations["users.delete"];
        options?: never;
        head?: never;
        /**
         * Change an end user
         * @description Closing ends every session at once; opening needs a new login. The limits are instead of those that the project gives everybody; fields that are left out stay as they are.
         */
        patch: operations["users.update"];
        trace?: never;
    };
    "/api/v1/projects/{project_id}/restore": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Restore a project
         * @description With everything that it held, as long as its removal has not begun. A project that is not deleted stays as it is.
         */
        post: operations["projects.restore"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Set the plan of a project
         * @description For operators.
         */
        patch: operations["projects.setPlan"];
        trace?: never;
    };
    "/api/v1/plans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List plans
         * @description Those that the operator lists, and those that the caller or a project of the caller has. An operator sees all.
         */
        get: operations["plans.list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the end users of a project
         * @description Newest first. The accounts that registered with the project's keys.
         */
        get: operations["users.list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get totals of a project
         * @description Counts of end users and keys, of all or of those that `search` and `is_active` leave.
         */
        get: operations["projects.stats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List changes of a project
         * @description Newest first. Every change of the project, its keys and its end users, kept for 400 days or what AUDIT_RETENTION_DAYS says.
         */
        get: operations["projects.audit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/mail/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Preview a mail
         * @description As its people get it, with a link and a code that do nothing. `mail` tries settings out that are not saved. Nothing is sent.
         */
        post: operations["projects.previewMail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/mail/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a mail of the project to yourself
         * @description The mail of the preview, to the address of the caller, who has confirmed it. One a minute, six at once in an hour.
         */
        post: operations["projects.testMail"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/transfer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the offer of a project
         * @description For the project's owner, and for the developer whom it is offered to.
         */
        get: operations["transfers.get"];
        put?: never;
        /**
         * Offer a project
         * @description By its owner, signed in and with the password. The developer with that address gets a mail and accepts or declines; until then nothing changes. The answer is the same whether or not there is such a developer. A newer offer replaces this one.
         */
        post: operations["transfers.offer"];
        /**
         * End an offer
         * @description By the project's owner, or by the developer whom it is offered to.
         */
        delete: operations["transfers.end"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/transfer/accept": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept a project
         * @description The caller, signed in and with a verified address, owns the project from now on, under the own plan and its limits. Its users and pictures stay. Its API keys are revoked, and the old owner's developer keys do not work for it any more: make new ones. Its webhooks are switched off, and `site_url`, `verify_url` and `reset_url` are cleared, since they lead to the old owner.
         */
        post: operations["transfers.accept"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List API keys
         * @description Newest first. Ended ones too. `key_prefix` tells which one a program uses. A bare array.
         */
        get: operations["apiKeys.list"];
        put?: never;
        /**
         * Create an API key
         * @description The key is shown in this answer and never again: the API keeps only its hash. The owner is told by mail.
         */
        post: operations["apiKeys.create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/api-keys/{key_id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace an API key
         * @description The new key has the name and expiry of the old one, which works for `grace_seconds` more (0 without a body), never beyond its own expiry. Keys in their grace do not count against the plan's number, and there can be as many of them again.
         */
        post: operations["apiKeys.rotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/api-keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke an API key
         * @description It is refused at once. A second time is 400 `api_key_already_revoked`.
         */
        delete: operations["apiKeys.revoke"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/api-keys/{key_id}/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the usage of an API key
         * @description One entry per UTC day, oldest first, today last. Counts arrive some seconds late.
         */
        get: operations["apiKeys.usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List webhooks
         * @description Newest first. Without their secrets. A bare array.
         */
        get: operations["webhooks.list"];
        put?: never;
        /**
         * Create a webhook
         * @description From now on the events of the project are sent to the address, at least once each, signed after Standard Webhooks. A project has at most ten webhooks.
         */
        post: operations["webhooks.create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/webhooks/{webhook_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete a webhook
         * @description With its log, and the events that wait for it.
         */
        delete: operations["webhooks.delete"];
        options?: never;
        head?: never;
        /**
         * Change a webhook
         * @description Fields that are left out stay as they are. Switching it on sends what still waits.
         */
        patch: operations["webhooks.update"];
        trace?: never;
    };
    "/api/v1/projects/{project_id}/webhooks/{webhook_id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Replace the secret of a webhook
         * @description For `grace_seconds` (a day without a body) deliveries are signed with both secrets.
         */
        post: operations["webhooks.rotate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/webhooks/{webhook_id}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test event
         * @description An event of type `test`, signed and repeated like every other. The log tells how it went.
         */
        post: operations["webhooks.test"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/webhooks/{webhook_id}/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List deliveries
         * @description Newest first. With what waits and what was given up. Kept for 30 days.
         */
        get: operations["webhooks.listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send an event again
         * @description With the same `webhook-id`, so that a receiver that took it can leave it out.
         */
        post: operations["webhooks.replay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/generate-v2": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a picture
         * @description Multipart with pictures to work from, or JSON without (or with `upload_ids`). The answer comes at once; the picture is made in the background. With an `Idempotency-Key` a repeated request gives the same generation for 24 hours, marked `Idempotent-Replayed: true`. Also at `/generation/generate`.
         */
        post: operations["generations.create"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/uploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create addresses for uploads
         * @description A browser sends the pictures straight to the file storage, then names their ids as `upload_ids` of a create. JPEG, PNG or WebP, at most 10 MB each; the content is checked when it is used. Each serves one generation.
         */
        post: operations["generations.createUploads"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/generate-anonymous-v2": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create a picture without an account
         * @description Some a day for each client address. The id is the only key to the result, which goes after a day. Callable from any page. Also at `/generation/generate-anonymous`.
         */
        post: operations["generations.createAnonymous"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/anonymous-generations-v2/{generation_id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a picture made without an account
         * @description Also at `/generation/anonymous-generations/{generation_id}/status`.
         */
        get: operations["generations.getAnonymous"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/anonymous-generations-v2/{generation_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch a picture made without an account
         * @description As `generations.stream`. Also at `/generation/anonymous-generations/{generation_id}/events`; an EventSource can read it, since it needs no header.
         */
        get: operations["generations.streamAnonymous"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List generations
         * @description Newest first. Whoever runs the project sees those of all its users. Also at `/generation/generations-v2`. By `page`, or, for long lists, by `cursor`.
         */
        get: operations["generations.list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/public": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List published pictures
         * @description Newest first. Needs no credentials. Of one project when `X-Project-ID` or `project_id` names it. Who made a picture and what was uploaded for it is never told. Pages by number end at 10,000 pictures; a `cursor` goes on. Also at `/generation/public-generations-v2`.
         */
        get: operations["generations.listPublic"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the usage of a project
         * @description Generations of all its users together count against the month. Failed ones do not, and canceled ones only beyond `cancel_limit`.
         */
        get: operations["generations.usage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List models
         * @description Those that the project's plan allows, with their options, and the defaults.
         */
        get: operations["models.list"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/{generation_id}/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a generation
         * @description Also at `/generation/generations-v2/{generation_id}/status`.
         */
        get: operations["generations.get"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/{generation_id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch a generation
         * @description Server-sent events: each state once, progress, and the final state, which ends the stream. A stream is closed after a minute: come again with `Last-Event-ID`, as an EventSource does. Also at `/generation/generations-v2/{generation_id}/events`.
         */
        get: operations["generations.stream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/{generation_id}/public": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Publish a picture
         * @description A published picture has one address, `/generation/{generation_id}/image`. Taking it back ends that one and every signed address that was given out before. JSON or a form. Also at `/generation/generations-v2/{generation_id}/public`.
         */
        patch: operations["generations.setPublic"];
        trace?: never;
    };
    "/api/v1/generation/{generation_id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a generation
         * @description It stays in the list as canceled. One that was sent to the provider is charged when the month has no more cancels to give back (`cancel_limit` of the usage); see `charged`.
         */
        post: operations["generations.cancel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/{generation_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete a generation
         * @description One that still runs is stopped at the provider, and charged or not as by a cancel. Also at `/generation/generations-v2/{generation_id}`.
         */
        delete: operations["generations.delete"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/{generation_id}/image": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the picture of a generation
         * @description With no credentials only when it is public, or with a ticket.
         */
        get: operations["generations.image"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/{generation_id}/examples/{index}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get an uploaded picture
         * @description Never public: for those who may see the generation, or with a ticket.
         */
        get: operations["generations.exampleImage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/payments/stripe/my-subscription": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the subscription
         * @description Always null: nothing is sold here. Pages of the Starter Kit ask for it.
         */
        get: operations["payments.mySubscription"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/payments/stripe/my-payments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List payments
         * @description Always an empty page: nothing is sold here. Pages of the Starter Kit ask for it.
         */
        get: operations["payments.myPayments"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/payments/stripe/{action}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Call anything else about payments
         * @description Refused, with every method: nothing is sold here.
         */
        post: operations["payments.other"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/generation/webhooks/replicate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Receive an event of Replicate
         * @description Signed after Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`), at most five minutes old.
         */
        post: operations["webhooks.replicate"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Liveness: {
            /**
             * @description Always, if there is an answer.
             * @example healthy
             * @enum {string}
             */
            status: "healthy";
            /**
             * @description Of the API.
             * @example 0.1.0
             */
            version: string;
        };
        Health: {
            /**
             * @description `unhealthy`: the database, Auth or Storage does not answer. `degraded`: a part that is not required does not.
             * @example healthy
             * @enum {string}
             */
            status: "healthy" | "degraded" | "unhealthy";
            /** @description Postgres. Required. */
            database: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Supabase Auth. Required. */
            auth: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description The same as `storage`; the older name. */
            file_storage: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Where the pictures are kept. Required. */
            storage: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * @description Where limits are counted; without it Postgres counts them.
             * @example {
             *       "status": "not_configured"
             *     }
             */
            redis: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Who delivers mail; what waits is sent when it is back. */
            mail: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Replicate; what was asked for meanwhile is made when it is back. */
            image_provider: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * Format: date-time
             * @description When it was asked.
             * @example 2026-11-24T09:00:00.123456Z
             */
            timestamp: string;
            /**
             * @description Of the API.
             * @example 0.1.0
             */
            version: string;
        };
        PartHealth: {
            /**
             * @description Whether the part answers.
             * @example healthy
             * @enum {string}
             */
            status: "healthy" | "unhealthy" | "not_configured";
            /**
             * @description Milliseconds until it answered.
             * @example 3.2
             */
            latency_ms?: number;
            /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
            error?: string;
            /**
             * Format: date-time
             * @description When it was asked.
             * @example 2026-11-24T09:00:00.123456Z
             */
            timestamp: string;
        };
        DetailedHealth: {
            /**
             * @description `unhealthy`: the database, Auth or Storage does not answer. `degraded`: a part that is not required does not.
             * @example healthy
             * @enum {string}
             */
            status: "healthy" | "degraded" | "unhealthy";
            /** @description Postgres. Required. */
            database: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Supabase Auth. Required. */
            auth: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description The same as `storage`; the older name. */
            file_storage: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Where the pictures are kept. Required. */
            storage: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * @description Where limits are counted; without it Postgres counts them.
             * @example {
             *       "status": "not_configured"
             *     }
             */
            redis: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Who delivers mail; what waits is sent when it is back. */
            mail: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Replicate; what was asked for meanwhile is made when it is back. */
            image_provider: {
                /**
                 * @description Whether the part answers.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Milliseconds until it answered.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * Format: date-time
             * @description When it was asked.
             * @example 2026-11-24T09:00:00.123456Z
             */
            timestamp: string;
            /**
             * @description Of the API.
             * @example 0.1.0
             */
            version: string;
            /**
             * @description The last failure of each part that this instance saw, also when the part is back.
             * @example {
             *       "redis": {
             *         "error": "timeout",
             *         "at": "2026-11-24T09:00:00.123456Z"
             *       }
             *     }
             */
            last_errors: {
                [key: string]: {
                    /**
                     * @description The class of the error.
                     * @example timeout
                     */
                    error: string;
                    /**
                     * Format: date-time
                     * @description When it was seen.
                     * @example 2026-11-24T09:00:00.123456Z
                     */
                    at: string;
                };
            };
            /** @description For operators only. */
            service?: {
                /**
                 * @description What the API runs on.
                 * @example Deno/2.9.6
                 */
                runtime: string;
                /**
                 * @description Of the database server.
                 * @example 17.6
                 */
                database_version: string;
                /** @description Changes of the database's schema. */
                migrations: {
                    /**
                     * @description In the database.
                     * @example 42
                     */
                    applied: number;
                    /**
                     * @description That this version of the API brings.
                     * @example 42
                     */
                    expected: number;
                    /**
                     * @description Brought by this version, and not applied.
                     * @example []
                     */
                    missing: string[];
                    /**
                     * @description Applied by a newer version of the API.
                     * @example []
                     */
                    unknown: string[];
                };
                /** @description Of the instance that answers. */
                pool: {
                    /**
                     * @description Connections that this instance opens at most.
                     * @example 3
                     */
                    size: number;
                    /**
                     * @description Of them, with a statement under way.
                     * @example 1
                     */
                    in_use: number;
                    /**
                     * @description Statements that wait for a connection.
                     * @example 0
                     */
                    waiting: number;
                };
                /** @description Of the whole database server. */
                connections: {
                    /**
                     * @description That the server allows.
                     * @example 60
                     */
                    max: number;
                    /**
                     * @description By anybody.
                     * @example 14
                     */
                    used: number;
                    /**
                     * @description By all instances of the API.
                     * @example 6
                     */
                    api: number;
                    /**
                     * @description Of those, not idle.
                     * @example 1
                     */
                    api_active: number;
                };
                /** @description Generations. */
                queue: {
                    /** @description Not accepted by Replicate yet. */
                    pending: {
                        /**
                         * @description How many.
                         * @example 2
                         */
                        count: number;
                        /**
                         * @description What nobody looked at for three minutes longer than it should be.
                         * @example 0
                         */
                        overdue: number;
                        /**
                         * @description Age of the oldest.
                         * @example 12
                         */
                        oldest_seconds: number;
                    };
                    /** @description Being made, or stored. */
                    processing: {
                        /**
                         * @description How many.
                         * @example 2
                         */
                        count: number;
                        /**
                         * @description What nobody looked at for three minutes longer than it should be.
                         * @example 0
                         */
                        overdue: number;
                        /**
                         * @description Age of the oldest.
                         * @example 12
                         */
                        oldest_seconds: number;
                    };
                    /** @description How generations of the last hour ended. */
                    ended_last_hour: {
                        /**
                         * @description With a picture.
                         * @example 120
                         */
                        completed: number;
                        /**
                         * @description Without one.
                         * @example 1
                         */
                        failed: number;
                        /**
                         * @description By their owners.
                         * @example 2
                         */
                        canceled: number;
                    };
                };
                /** @description What finishes the work that requests and webhooks left behind. */
                reconciler: {
                    /**
                     * @description `late`: it did not run for three minutes. `failing`: a job's last run failed.
                     * @example healthy
                     * @enum {string}
                     */
                    status: "healthy" | "failing" | "late" | "never_ran";
                    /**
                     * Format: date-time
                     * @description When a job ran last.
                     * @example 2026-11-24T09:00:00.123456Z
                     */
                    last_run_at: string | null;
                    /**
                     * @description The last run of each job, by name.
                     * @example {
                     *       "mail": {
                     *         "ran_at": "2026-11-24T09:00:00.123456Z",
                     *         "checked": 3,
                     *         "failed": 0,
                     *         "failing_since": null
                     *       }
                     *     }
                     */
                    jobs: {
                        [key: string]: {
                            /**
                             * Format: date-time
                             * @description When it ended.
                             * @example 2026-11-24T09:00:00.123456Z
                             */
                            ran_at: string;
                            /**
                             * @description What it looked at.
                             * @example 3
                             */
                            checked: number;
                            /**
                             * @description What of that failed.
                             * @example 0
                             */
                            failed: number;
                            /**
                             * Format: date-time
                             * @description The first of its failed runs in a row.
                             * @example 2026-11-24T09:00:00.123456Z
                             */
                            failing_since: string | null;
                        };
                    };
                };
                /** @description Mail that is not sent yet. */
                mail_outbox: {
                    /**
                     * @description How many.
                     * @example 0
                     */
                    waiting: number;
                    /**
                     * @description Age of the oldest.
                     * @example 0
                     */
                    oldest_seconds: number;
                    /**
                     * @description Of them, tried before in vain.
                     * @example 0
                     */
                    failing: number;
                };
                /** @description Files and predictions that are to be removed. */
                cleanup: {
                    /**
                     * @description How many.
                     * @example 0
                     */
                    waiting: number;
                    /**
                     * @description Age of the oldest.
                     * @example 0
                     */
                    oldest_seconds: number;
                };
                /**
                 * @description Whether Replicate takes the token; absent without one.
                 * @example accepted
                 * @enum {string}
                 */
                replicate_token?: "accepted" | "refused" | "unknown";
                /**
                 * @description What this instance runs with. Of a secret only whether it is set.
                 * @example {
                 *       "smtp_port": 587,
                 *       "cron_secret_set": true
                 *     }
                 */
                settings: {
                    [key: string]: string | number | boolean;
                };
            };
        };
        Error: {
            /**
             * @description One sentence for a person.
             * @example Project not found.
             */
            detail: string;
            /**
             * @description Stable, for programs.
             * @example project_not_found
             */
            code: string;
            /**
             * @description Also in the header X-Request-Id.
             * @example 3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09
             */
            request_id: string;
            /**
             * @description Cause and cure of this code, where the operator has published the guides.
             * @example https://docs.example.com/errors.html#project_not_found
             */
            doc_url?: string;
            /** @description Only with 422: each field that is wrong. */
            errors?: {
                /**
                 * @description `body`, `query`, `path` or `header`, then the way to the field.
                 * @example [
                 *       "body",
                 *       "name"
                 *     ]
                 */
                loc: (string | number)[];
                /**
                 * @description What is wrong with it.
                 * @example Required
                 */
                msg: string;
                /**
                 * @description The kind of mistake, for programs.
                 * @example invalid_type
                 */
                type: string;
            }[];
            /** @description Seconds to wait; also in the header Retry-After. */
            retry_after?: number;
        };
        RegisteredUser: components["schemas"]["User"] & {
            /** @description Only for developers, and only here: the keys are not shown again. */
            provisioning: {
                /**
                 * Format: uuid
                 * @description The developer's first project.
                 * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
                 */
                project_id: string;
                /**
                 * @description Names the developer, as `X-Developer-Key`.
                 * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
                 */
                developer_key: string;
                /**
                 * @description Names the project's app, as `X-API-Key`.
                 * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
                 */
                api_key: string;
            } | null;
            /**
             * @description Whether the address has to be verified before the first login. False with no tokens: log in.
             * @example false
             */
            needs_verification: boolean;
            /**
             * @description A JWT for `Authorization: Bearer`; good for 30 minutes, or until its session ends.
             * @example eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl
             */
            access_token: string | null;
            /**
             * @description Works once, at `POST /auth/refresh`. The session lasts seven days.
             * @example v1NxP0aZq7Kd
             */
            refresh_token: string | null;
            /**
             * @description How the access token is sent.
             * @example bearer
             * @enum {string}
             */
            token_type: "bearer";
        };
        User: {
            /**
             * Format: uuid
             * @description The account.
             * @example 9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03
             */
            id: string;
            /**
             * @description As it was registered.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description How the person wants to be called.
             * @example Ada Lovelace
             */
            full_name: string | null;
            /**
             * @description Runs the platform, runs projects, or uses an app.
             * @example end_user
             * @enum {string}
             */
            role: "platform_operator" | "developer" | "end_user";
            /**
             * @description False: the account is closed.
             * @example true
             */
            is_active: boolean;
            /**
             * @description Whether the link of a mail was used.
             * @example false
             */
            is_verified: boolean;
            /**
             * Format: date-time
             * @description When it was registered.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: uuid
             * @description The project of an end user, else null.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            project_id: string | null;
        };
        RegisterRequest: {
            /**
             * Format: idn-email
             * @description Where mail reaches the person: one plain address of at most 254 bytes. Upper and lower case are one, and so are the Unicode and punycode of a domain.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description At least 8 characters with a lower-case letter, an upper-case letter and a digit; at most 72 bytes of UTF-8 in NFC. Spaces count.
             * @example Correct-horse-9
             */
            password: string;
            /**
             * @description How the person wants to be called.
             * @example Ada Lovelace
             */
            full_name?: string | null;
        };
        Tokens: {
            /**
             * @description A JWT for `Authorization: Bearer`; good for 30 minutes, or until its session ends.
             * @example eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl
             */
            access_token: string;
            /**
             * @description Works once, at `POST /auth/refresh`. The session lasts seven days.
             * @example v1NxP0aZq7Kd
             */
            refresh_token: string;
            /**
             * @description How the access token is sent.
             * @example bearer
             * @enum {string}
             */
            token_type: "bearer";
            /**
             * @description Seconds until the access token expires.
             * @example 1800
             */
            expires_in: number;
        };
        LoginRequest: {
            /**
             * Format: idn-email
             * @description Where mail reaches the person: one plain address of at most 254 bytes. Upper and lower case are one, and so are the Unicode and punycode of a domain.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description The account's password.
             * @example Correct-horse-9
             */
            password: string;
        };
        RefreshRequest: {
            /**
             * @description The newest refresh token of the session.
             * @example v1NxP0aZq7Kd
             */
            refresh_token: string;
        };
        UpdateMeRequest: {
            /**
             * @description How the person wants to be called.
             * @example Ada Lovelace
             */
            full_name?: string | null;
        };
        DeleteMeRequest: {
            /**
             * @description The account's password.
             * @example Correct-horse-9
             */
            password: string;
        };
        LogoutRequest: {
            /**
             * @description `local` ends this session, `others` all but this one, `global` all.
             * @default local
             * @example local
             * @enum {string}
             */
            scope?: "local" | "others" | "global";
        };
        Session: {
            /**
             * Format: uuid
             * @description The session.
             * @example 2a8d6f4c-5b71-4e93-a0c4-7f1e3d5b9c04
             */
            id: string;
            /**
             * @description The user agent that signed in or refreshed last.
             * @example Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0
             */
            device: string | null;
            /**
             * @description The address of the last sign-in or refresh.
             * @example 203.0.113.7
             */
            ip: string | null;
            /**
             * Format: date-time
             * @description When it began.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description The last sign-in or refresh.
             * @example 2026-11-24T10:30:00.123456Z
             */
            last_seen_at: string;
            /**
             * Format: date-time
             * @description Seven days after it began, at the latest.
             * @example 2026-12-01T09:00:00.123456Z
             */
            expires_at: string;
            /**
             * @description Whether this request was made in it.
             * @example true
             */
            current: boolean;
        };
        Message: {
            /**
             * @description A sentence for a person.
             * @example If the account has an address to verify, a mail is on its way.
             */
            message: string;
        };
        ChangePasswordRequest: {
            /**
             * @description The account's password.
             * @example Correct-horse-9
             */
            current_password: string;
            /**
             * @description At least 8 characters with a lower-case letter, an upper-case letter and a digit; at most 72 bytes of UTF-8 in NFC. Spaces count.
             * @example Better-horse-10
             */
            new_password: string;
        };
        ChangeEmailRequest: {
            /**
             * @description The account's password.
             * @example Correct-horse-9
             */
            password: string;
            /**
             * Format: idn-email
             * @description Where mail reaches the person: one plain address of at most 254 bytes. Upper and lower case are one, and so are the Unicode and punycode of a domain.
             * @example ada@example.org
             */
            new_email: string;
        };
        VerifiedEmail: {
            /**
             * @description A sentence for a person.
             * @example The address is verified.
             */
            message: string;
            /**
             * @description The address.
             * @example ada@example.com
             */
            email: string;
        };
        VerifyEmailRequest: {
            /**
             * @description What the link in the mail has after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters do not matter.
             * @example 4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02
             */
            token: string;
        } | {
            /**
             * Format: uuid
             * @description Whose address it is.
             * @example 9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03
             */
            user_id: string;
            /**
             * @description The eight digits of the mail, or the token of its link.
             * @example 4829 1357
             */
            verification_token: string | number;
        };
        CheckedMailToken: {
            /**
             * @description `password_reset` goes to `POST /auth/reset-password`, the others to `POST /auth/verify-email`.
             * @example verification
             * @enum {string}
             */
            purpose: "verification" | "password_reset" | "email_change";
            /**
             * @description `used`: it did its work, or another token did. `expired`: ask for a new mail.
             * @example valid
             * @enum {string}
             */
            state: "valid" | "used" | "expired";
            /**
             * Format: date-time
             * @description From when it is refused.
             * @example 2026-11-24T09:00:00.123456Z
             */
            expires_at: string;
            /** @description Null for developers and operators. */
            project: {
                /**
                 * Format: uuid
                 * @description The project of the account.
                 * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
                 */
                id: string;
                /**
                 * @description What its mail calls the app.
                 * @example Postcards
                 */
                name: string;
                /**
                 * @description The app's own address.
                 * @example https://app.example.com
                 */
                site_url: string | null;
                /**
                 * @description What its mail speaks.
                 * @example de
                 * @enum {string}
                 */
                language: "en" | "de" | "fr" | "es" | "pt" | "ja";
                /**
                 * @description The colour of buttons.
                 * @example #2563eb
                 */
                accent_color: string | null;
                /**
                 * @description What can be read on it.
                 * @example #ffffff
                 * @enum {string|null}
                 */
                accent_text_color: "#000000" | "#ffffff" | null;
            } | null;
        };
        CheckMailTokenRequest: {
            /**
             * @description What the link in the mail has after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters do not matter.
             * @example 4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02
             */
            token: string;
        };
        VerificationRequest: {
            /**
             * Format: uuid
             * @description Whose address it is, when nobody is signed in.
             * @example 9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03
             */
            user_id?: string;
            /**
             * Format: idn-email
             * @description Where mail reaches the person: one plain address of at most 254 bytes. Upper and lower case are one, and so are the Unicode and punycode of a domain.
             * @example ada@example.com
             */
            email?: string;
        };
        PasswordResetRequest: {
            /**
             * Format: idn-email
             * @description Where mail reaches the person: one plain address of at most 254 bytes. Upper and lower case are one, and so are the Unicode and punycode of a domain.
             * @example ada@example.com
             */
            email: string;
        };
        ResetPasswordRequest: {
            /**
             * @description What the link in the mail has after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters do not matter.
             * @example 4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02
             */
            token: string;
            /**
             * @description At least 8 characters with a lower-case letter, an upper-case letter and a digit; at most 72 bytes of UTF-8 in NFC. Spaces count.
             * @example Correct-horse-9
             */
            password: string;
        };
        DeveloperKey: {
            /**
             * Format: uuid
             * @description The key's id, which is no secret.
             * @example 6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05
             */
            id: string;
            /**
             * @description To tell it from others in a list.
             * @example Web app
             */
            name: string | null;
            /**
             * @description The first eight characters.
             * @example ak_Qx3vT
             */
            key_prefix: string;
            /**
             * @description Whether a request with it is let in.
             * @example true
             */
            is_active: boolean;
            /**
             * Format: date-time
             * @description The last request with it, some seconds late.
             * @example 2026-11-24T09:00:00.123456Z
             */
            last_used_at: string | null;
            /**
             * Format: date-time
             * @description From when on it is refused.
             * @example 2027-11-24T09:00:00.000000Z
             */
            expires_at: string | null;
            /**
             * Format: date-time
             * @description When it was made.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * @description Whether the key alone, without a token, manages projects.
             * @example false
             */
            management: boolean;
        };
        CreatedDeveloperKey: components["schemas"]["DeveloperKey"] & {
            /**
             * @description The whole key. It is shown only here.
             * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
             */
            key: string;
        };
        DeveloperKeyCreateRequest: {
            /**
             * @description To tell it from others in a list.
             * @example Web app
             */
            name?: string | null;
            /**
             * Format: date-time
             * @description From when on it is refused. Null never expires.
             * @example 2027-11-24T09:00:00Z
             */
            expires_at?: string | null;
            /**
             * @description Whether the key alone, without a token, manages projects. For servers: it is refused on requests from browsers.
             * @default false
             * @example false
             */
            management?: boolean;
        };
        DeveloperKeyRotateRequest: {
            /**
             * @description Seconds that the old key still works, at most to its own expiry.
             * @default 0
             * @example 86400
             */
            grace_seconds?: number;
        };
        Project: {
            /**
             * Format: uuid
             * @description What `X-Project-ID` names.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            id: string;
            /**
             * Format: uuid
             * @description The developer who runs it.
             * @example 0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01
             */
            owner_id: string;
            /**
             * @description What the project is called, in mail too.
             * @example Postcards
             */
            name: string;
            /**
             * @description A note for whoever runs it.
             * @example Photos become postcards.
             */
            description: string | null;
            /**
             * @description False: its keys and end users are refused.
             * @example true
             */
            is_active: boolean;
            /**
             * @description True: an operator switched it off, and only an operator can switch it on.
             * @example false
             */
            is_suspended: boolean;
            /**
             * @description `required`: an end user gets no tokens before the link of a mail is used. `optional`, the default: tokens at once.
             * @example optional
             * @enum {string}
             */
            email_verification: "optional" | "required";
            /**
             * @description Browser origins that may call the API in the project's name. `*` is any, `*.` every sub-domain; an empty list is none.
             * @example [
             *       "https://app.example.com"
             *     ]
             */
            allowed_origins: string[];
            /**
             * @description The app's own address, which mails and our pages link back to.
             * @example https://app.example.com
             */
            site_url: string | null;
            /**
             * @description The app's page for links that confirm an address; it gets `?token=` and `user_id=`. Null: a page of the API.
             * @example https://app.example.com/verify-email
             */
            verify_url: string | null;
            /**
             * @description The app's page for links that set a new password; it gets `?token=`. Null: a page of the API.
             * @example https://app.example.com/reset-password
             */
            reset_url: string | null;
            /**
             * @description Charged pictures of one end user a UTC day. Null: only the plan limits.
             * @example 3
             */
            user_generations_per_day: number | null;
            /**
             * @description The same a UTC month.
             * @example 30
             */
            user_generations_per_month: number | null;
            /**
             * @description Pictures of one end user that may be made at once. Null: only the plan limits.
             * @example 1
             */
            user_concurrent: number | null;
            mail: components["schemas"]["MailSettings"];
            /**
             * @description Set by an operator; null follows the owner's plan.
             * @example starter
             */
            plan_id: string | null;
            /**
             * Format: date-time
             * @description When it was made.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was changed last.
             * @example 2026-11-24T09:00:00.123456Z
             */
            updated_at: string;
            /**
             * Format: date-time
             * @description Only in the list of deleted projects: when it was deleted.
             */
            deleted_at?: string;
            /**
             * Format: date-time
             * @description Until then a deleted project can be restored; null is for ever.
             */
            removed_after?: string | null;
        };
        /** @description How its mail looks. */
        MailSettings: {
            /**
             * @description Whom its mail comes from, and what mails and our pages call the app. Null: the project's name. The address stays the platform's.
             * @example Postcards
             */
            sender_name: string | null;
            /**
             * @description A picture at the top of each mail, by https. It is shown 40 pixels high.
             * @example https://app.example.com/logo.png
             */
            logo_url: string | null;
            /**
             * @description The colour of buttons, as `#rrggbb`. Their text is black or white, whichever can be read better.
             * @example #2563eb
             */
            accent_color: string | null;
            /**
             * @description What mails and our pages speak. Null: English.
             * @example de
             * @enum {string}
             */
            language: "en" | "de" | "fr" | "es" | "pt" | "ja";
            /**
             * @description The end of each mail. Addresses in it begin with `https://` and become links.
             * @example Postcards Ltd, 1 Pier Road, Brighton
             *     https://app.example.com/imprint
             */
            footer: string | null;
        };
        ProjectCreateRequest: {
            /**
             * @description What the project is called, in mail too.
             * @example Postcards
             */
            name: string;
            /**
             * @description A note for whoever runs it.
             * @example Photos become postcards.
             */
            description?: string | null;
            /**
             * @description `required`: an end user gets no tokens before the link of a mail is used. `optional`, the default: tokens at once.
             * @example optional
             * @enum {string}
             */
            email_verification?: "optional" | "required";
            /**
             * @description Browser origins that may call the API in the project's name. `*` is any, `*.` every sub-domain; an empty list is none.
             * @example [
             *       "https://app.example.com",
             *       "https://*.example.com"
             *     ]
             */
            allowed_origins?: string[];
            /**
             * Format: uri
             * @description The app's own address, which mails and our pages link back to.
             * @example https://app.example.com
             */
            site_url?: string | null;
            /**
             * Format: uri
             * @description The app's page for links that confirm an address; it gets `?token=` and `user_id=`. Null: a page of the API.
             * @example https://app.example.com/verify-email
             */
            verify_url?: string | null;
            /**
             * Format: uri
             * @description The app's page for links that set a new password; it gets `?token=`. Null: a page of the API.
             * @example https://app.example.com/reset-password
             */
            reset_url?: string | null;
            /**
             * @description Charged pictures of one end user a UTC day. Null: only the plan limits.
             * @example 3
             */
            user_generations_per_day?: number | null;
            /**
             * @description The same a UTC month.
             * @example 30
             */
            user_generations_per_month?: number | null;
            /**
             * @description Pictures of one end user that may be made at once. Null: only the plan limits.
             * @example 1
             */
            user_concurrent?: number | null;
            mail?: components["schemas"]["MailSettingsUpdate"];
        };
        /** @description How its mail looks; what is left out stays as it is. */
        MailSettingsUpdate: {
            /**
             * @description Whom its mail comes from, and what mails and our pages call the app. Null: the project's name. The address stays the platform's.
             * @example Postcards
             */
            sender_name?: string | null;
            /**
             * Format: uri
             * @description A picture at the top of each mail, by https. It is shown 40 pixels high.
             * @example https://app.example.com/logo.png
             */
            logo_url?: string | null;
            /**
             * @description The colour of buttons, as `#rrggbb`. Their text is black or white, whichever can be read better.
             * @example #2563eb
             */
            accent_color?: string | null;
            /**
             * @description What mails and our pages speak. Null: English.
             * @example de
             * @enum {string|null}
             */
            language?: "en" | "de" | "fr" | "es" | "pt" | "ja" | null;
            /**
             * @description The end of each mail. Addresses in it begin with `https://` and become links.
             * @example Postcards Ltd, 1 Pier Road, Brighton
             *     https://app.example.com/imprint
             */
            footer?: string | null;
        };
        ProjectUsers: {
            /** @description One page. */
            users: components["schemas"]["ProjectUser"][];
            /**
             * @description How many there are on all pages.
             * @example 1
             */
            total: number;
            /**
             * @description The page that was asked for.
             * @example 1
             */
            page: number;
            /**
             * @description How many a page has at most.
             * @example 50
             */
            page_size: number;
        };
        ProjectUser: components["schemas"]["User"] & {
            /**
             * Format: uuid
             * @description The project that the account belongs to.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            project_id?: string;
            /**
             * Format: date-time
             * @description The same as `created_at`; the older name.
             * @example 2026-11-24T09:00:00.123456Z
             */
            joined_at: string;
            /**
             * @description What the project is called, in mail too.
             * @example Postcards
             */
            project_name: string;
            /**
             * @description Instead of the project's `user_generations_per_day`. Null follows it.
             * @example 10
             */
            generations_per_day: number | null;
            /**
             * @description Instead of `user_generations_per_month`. Null follows it.
             * @example 100
             */
            generations_per_month: number | null;
            /**
             * @description Instead of `user_concurrent`. Null follows it.
             * @example 2
             */
            concurrent_generations: number | null;
        };
        GlobalStats: components["schemas"]["ProjectStats"] & {
            projects: components["schemas"]["CountStats"] & unknown;
        };
        /** @description End users. */
        CountStats: {
            /**
             * @description All of them.
             * @example 12
             */
            total: number;
            /**
             * @description Those that are let in.
             * @example 11
             */
            active: number;
        };
        ProjectStats: {
            users: components["schemas"]["CountStats"];
            api_keys: components["schemas"]["CountStats"] & unknown;
        };
        ProjectTransfer: {
            /**
             * Format: uuid
             * @description What is offered.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            project_id: string;
            /**
             * @description What it is called.
             * @example Postcards
             */
            project_name: string;
            /**
             * @description Whom it is offered to.
             * @example grace@example.com
             */
            email: string;
            /**
             * @description Who owns it now.
             * @example ada@example.com
             */
            owner_email: string;
            /**
             * Format: date-time
             * @description When it was offered.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description Seven days later: from then on it cannot be accepted.
             * @example 2026-12-01T09:00:00.123456Z
             */
            expires_at: string;
        };
        ProjectUpdateRequest: {
            /**
             * @description What the project is called, in mail too.
             * @example Postcards
             */
            name?: string | null;
            /**
             * @description A note for whoever runs it.
             * @example Photos become postcards.
             */
            description?: string | null;
            /**
             * @description `required`: an end user gets no tokens before the link of a mail is used. `optional`, the default: tokens at once.
             * @example optional
             * @enum {string}
             */
            email_verification?: "optional" | "required";
            /**
             * @description Browser origins that may call the API in the project's name. `*` is any, `*.` every sub-domain; an empty list is none.
             * @example [
             *       "https://app.example.com",
             *       "https://*.example.com"
             *     ]
             */
            allowed_origins?: string[];
            /**
             * Format: uri
             * @description The app's own address, which mails and our pages link back to.
             * @example https://app.example.com
             */
            site_url?: string | null;
            /**
             * Format: uri
             * @description The app's page for links that confirm an address; it gets `?token=` and `user_id=`. Null: a page of the API.
             * @example https://app.example.com/verify-email
             */
            verify_url?: string | null;
            /**
             * Format: uri
             * @description The app's page for links that set a new password; it gets `?token=`. Null: a page of the API.
             * @example https://app.example.com/reset-password
             */
            reset_url?: string | null;
            /**
             * @description Charged pictures of one end user a UTC day. Null: only the plan limits.
             * @example 3
             */
            user_generations_per_day?: number | null;
            /**
             * @description The same a UTC month.
             * @example 30
             */
            user_generations_per_month?: number | null;
            /**
             * @description Pictures of one end user that may be made at once. Null: only the plan limits.
             * @example 1
             */
            user_concurrent?: number | null;
            mail?: components["schemas"]["MailSettingsUpdate"];
            /**
             * @description False: its keys and end users are refused.
             * @example true
             */
            is_active?: boolean;
        };
        ProjectPlanRequest: {
            /**
             * @description Null follows the owner's plan again.
             * @example premium
             */
            plan_id: string | null;
        };
        Plans: {
            /** @description The smallest first. */
            plans: components["schemas"]["Plan"][];
        };
        Plan: {
            /**
             * @description Its name.
             * @example starter
             */
            id: string;
            /**
             * @description Whether new developers get it.
             * @example false
             */
            is_default: boolean;
            /**
             * @description Whether the caller has it.
             * @example true
             */
            is_current: boolean;
            /**
             * @description Charged pictures of a project in a UTC month. Null is no limit.
             * @example 1000
             */
            generations_per_month: number | null;
            /**
             * @description Pictures of a project that may be made at once. Null is no limit.
             * @example 3
             */
            concurrent_generations: number | null;
            /**
             * @description Projects of a developer. Null is no limit.
             * @example 20
             */
            projects: number | null;
            /**
             * @description Active API keys of a project. Null is no limit.
             * @example 10
             */
            api_keys_per_project: number | null;
            /**
             * @description Requests a UTC day. Null is no limit.
             * @example 10000
             */
            requests_per_day: number | null;
            /**
             * @description Polls and reads a minute. Null is no limit.
             * @example 1200
             */
            reads_per_minute: number | null;
            /**
             * @description Logins and registrations of one address in an hour. Null is no limit.
             * @example 500
             */
            auth_calls_per_hour: number | null;
            /**
             * @description Models that a request may name, beside the defaults.
             * @example [
             *       "google/nano-banana"
             *     ]
             */
            models: string[];
        };
        ProjectUserUpdateRequest: {
            /**
             * @description False closes the account.
             * @example false
             */
            is_active?: boolean;
            /**
             * @description Instead of the project's `user_generations_per_day`. Null follows it.
             * @example 10
             */
            generations_per_day?: number | null;
            /**
             * @description Instead of `user_generations_per_month`. Null follows it.
             * @example 100
             */
            generations_per_month?: number | null;
            /**
             * @description Instead of `user_concurrent`. Null follows it.
             * @example 2
             */
            concurrent_generations?: number | null;
        };
        AuditEvents: {
            /** @description One page. */
            events: components["schemas"]["AuditEvent"][];
            /**
             * @description How many there are on all pages.
             * @example 1
             */
            total: number;
            /**
             * @description The page that was asked for.
             * @example 1
             */
            page: number;
            /**
             * @description How many a page has at most.
             * @example 50
             */
            page_size: number;
        };
        AuditEvent: {
            /**
             * @description Grows with time.
             * @example 4711
             */
            id: number;
            /**
             * Format: date-time
             * @description When it was done.
             * @example 2026-11-24T09:00:00.123456Z
             */
            occurred_at: string;
            /**
             * @description What kind of thing was changed.
             * @example project
             * @enum {string}
             */
            resource: "project" | "user" | "api_key" | "project_transfer" | "webhook";
            /**
             * @description The id of that thing.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            resource_id: string;
            /**
             * @description What was done to it.
             * @example update
             * @enum {string}
             */
            action: "create" | "update" | "delete";
            /**
             * @description `{column: {old, new}}`; of a personal column only `{redacted: true}`; empty for a delete.
             * @example {
             *       "name": {
             *         "old": "Postcards",
             *         "new": "Letters"
             *       }
             *     }
             */
            changes: {
                [key: string]: {
                    [key: string]: unknown;
                };
            };
            /**
             * Format: uuid
             * @description Whose account did it; null for a key alone and for the system.
             * @example 0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01
             */
            actor_id: string | null;
            /**
             * @description As what they did it.
             * @example developer
             * @enum {string}
             */
            actor_role: "platform_operator" | "developer" | "end_user" | "anonymous" | "system";
            /**
             * @description The address that the request came from.
             * @example 203.0.113.7
             */
            ip: string | null;
            /**
             * @description The program that sent it.
             * @example curl/8.14.1
             */
            user_agent: string | null;
            /**
             * @description The request, as in its `X-Request-Id`.
             * @example 3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09
             */
            request_id: string | null;
        };
        WrittenMail: {
            /**
             * @description The sender's name.
             * @example Postcards
             */
            from_name: string;
            /**
             * @description The platform's address.
             * @example no-reply@mail.example.com
             */
            from_address: string;
            /**
             * @description In the language of the project.
             * @example Confirm your address for Postcards
             */
            subject: string;
            /**
             * @description The mail as plain text.
             * @example Confirm your address
             *
             *     An account at Postcards was made with this address. …
             */
            text: string;
            /**
             * @description The same as a whole page. Show it in an `<iframe sandbox srcdoc>`.
             * @example <!doctype html>
             *     <html lang="en" dir="ltr">…</html>
             */
            html: string;
        };
        MailPreviewRequest: {
            /**
             * @description Which mail.
             * @example verification
             * @enum {string}
             */
            kind: "verification" | "password_reset" | "password_changed" | "email_change" | "email_change_asked" | "email_changed";
            mail?: components["schemas"]["MailSettingsUpdate"] & unknown;
        };
        SentTestMail: {
            /**
             * @description The address that it goes to.
             * @example grace@example.com
             */
            email: string;
        };
        MailTestRequest: {
            /**
             * @description Which mail.
             * @example verification
             * @enum {string}
             */
            kind: "verification" | "password_reset" | "password_changed" | "email_change" | "email_change_asked" | "email_changed";
            mail?: components["schemas"]["MailSettingsUpdate"] & unknown;
        };
        ProjectTransferRequest: {
            /**
             * Format: idn-email
             * @description Where mail reaches the person: one plain address of at most 254 bytes. Upper and lower case are one, and so are the Unicode and punycode of a domain.
             * @example grace@example.com
             */
            email: string;
            /**
             * @description The account's password.
             * @example Correct-horse-9
             */
            password: string;
        };
        CreatedApiKey: components["schemas"]["ApiKey"] & {
            /**
             * @description The whole key. It is shown only here.
             * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
             */
            key: string;
        };
        ApiKey: {
            /**
             * Format: uuid
             * @description The key's id, which is no secret.
             * @example 6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05
             */
            id: string;
            /**
             * @description To tell it from others in a list.
             * @example Web app
             */
            name: string | null;
            /**
             * @description The first eight characters.
             * @example ak_Qx3vT
             */
            key_prefix: string;
            /**
             * @description Whether a request with it is let in.
             * @example true
             */
            is_active: boolean;
            /**
             * Format: date-time
             * @description The last request with it, some seconds late.
             * @example 2026-11-24T09:00:00.123456Z
             */
            last_used_at: string | null;
            /**
             * @description A rotated key still works until `grace_ends_at`.
             * @example active
             * @enum {string}
             */
            status: "active" | "revoked" | "rotated" | "expired";
            /**
             * Format: date-time
             * @description From when on it is refused.
             * @example 2027-11-24T09:00:00.000000Z
             */
            expires_at: string | null;
            /**
             * Format: date-time
             * @description Set by a rotation: the key is refused from then on.
             * @example null
             */
            grace_ends_at: string | null;
            /**
             * Format: date-time
             * @description When it was made.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
        };
        ApiKeyCreateRequest: {
            /**
             * @description To tell it from others in a list.
             * @example Web app
             */
            name?: string | null;
            /**
             * Format: date-time
             * @description From when on it is refused. Null never expires.
             * @example 2027-11-24T09:00:00Z
             */
            expires_at?: string | null;
        };
        RotatedApiKey: components["schemas"]["CreatedApiKey"] & {
            /** @description The old key. */
            replaces: {
                /**
                 * Format: uuid
                 * @description The old key's id.
                 * @example 6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05
                 */
                id: string;
                /**
                 * Format: date-time
                 * @description Until when it works.
                 * @example 2026-11-25T09:00:00.123456Z
                 */
                grace_ends_at: string;
            };
        };
        ApiKeyRotateRequest: {
            /**
             * @description Seconds that the old key still works, at most to its own expiry.
             * @default 0
             * @example 86400
             */
            grace_seconds?: number;
        };
        ApiKeyUsage: {
            /**
             * Format: date
             * @description UTC.
             * @example 2026-11-24
             */
            day: string;
            /**
             * @description All of that day.
             * @example 128
             */
            requests: number;
            /**
             * @description Those with a status of 400 or more.
             * @example 3
             */
            errors: number;
        };
        WebhookWithSecret: components["schemas"]["Webhook"] & {
            /**
             * @description Signs every delivery after Standard Webhooks. It is shown only here.
             * @example whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
             */
            secret: string;
        };
        Webhook: {
            /**
             * Format: uuid
             * @description The webhook's id.
             * @example 7a4c2e6b-9d18-4f35-8c0a-6b2d4f8e1a10
             */
            id: string;
            /**
             * @description Where events are sent.
             * @example https://app.example.com/api/cloud-api-events
             */
            url: string;
            /**
             * @description To tell it from others.
             * @example Orders
             */
            description: string | null;
            /**
             * @description Which events are sent.
             * @example [
             *       "generation.completed",
             *       "generation.failed"
             *     ]
             */
            events: ("generation.completed" | "generation.failed" | "generation.canceled" | "user.created" | "user.verified" | "user.deleted" | "quota.reached")[];
            /**
             * @description Whether events are recorded and sent.
             * @example true
             */
            is_active: boolean;
            /**
             * Format: date-time
             * @description The first failure since the last success.
             * @example null
             */
            failing_since: string | null;
            /**
             * Format: date-time
             * @description When it was switched off: nothing was taken for three days, or the answer was 410.
             * @example null
             */
            disabled_at: string | null;
            /**
             * Format: date-time
             * @description When it was made.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it last changed.
             * @example 2026-11-24T09:00:00.123456Z
             */
            updated_at: string;
        };
        WebhookCreateRequest: {
            /**
             * Format: uri
             * @description Where events are sent by POST: https, with a host that the public DNS knows, without credentials or a fragment.
             * @example https://app.example.com/api/cloud-api-events
             */
            url: string;
            /**
             * @description Which events are sent.
             * @example [
             *       "generation.completed",
             *       "generation.failed"
             *     ]
             */
            events: ("generation.completed" | "generation.failed" | "generation.canceled" | "user.created" | "user.verified" | "user.deleted" | "quota.reached")[];
            /**
             * @description To tell it from others in a list.
             * @example Orders
             */
            description?: string | null;
        };
        WebhookUpdateRequest: {
            /**
             * Format: uri
             * @description Where events are sent by POST: https, with a host that the public DNS knows, without credentials or a fragment.
             * @example https://app.example.com/api/cloud-api-events
             */
            url?: string;
            /**
             * @description Which events are sent.
             * @example [
             *       "generation.completed",
             *       "generation.failed"
             *     ]
             */
            events?: ("generation.completed" | "generation.failed" | "generation.canceled" | "user.created" | "user.verified" | "user.deleted" | "quota.reached")[];
            /**
             * @description To tell it from others in a list.
             * @example Orders
             */
            description?: string | null;
            /**
             * @description Off: events are not recorded, and what waits is not sent. On: what waits is sent.
             * @example true
             */
            is_active?: boolean;
        };
        WebhookRotateRequest: {
            /**
             * @description Seconds in which deliveries are signed with the old secret too.
             * @default 86400
             * @example 86400
             */
            grace_seconds?: number;
        };
        WebhookDelivery: {
            /**
             * Format: uuid
             * @description The header `webhook-id`, the same at every attempt.
             * @example 3e9b5d7f-1c62-4a08-b7d4-8f0a2c6e4b11
             */
            id: string;
            /**
             * @description What happened.
             * @example generation.completed
             */
            event: string;
            /**
             * Format: uuid
             * @description The generation or account that it is about; else the project.
             * @example 1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07
             */
            subject_id: string;
            /**
             * @description `delivered` after an answer of 2xx; `failed` when it was given up.
             * @example delivered
             * @enum {string}
             */
            status: "waiting" | "delivered" | "failed";
            /**
             * @description How often it was sent.
             * @example 1
             */
            attempts: number;
            /**
             * Format: date-time
             * @description When it is sent again; null when it is over.
             * @example null
             */
            next_attempt_at: string | null;
            /**
             * @description Status of the last answer; null without one.
             * @example 204
             */
            response_status: number | null;
            /**
             * @description Why the last attempt failed.
             * @example null
             */
            error: string | null;
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-11-24T09:00:00.123456Z
             */
            occurred_at: string;
            /**
             * Format: date-time
             * @description When it was delivered or given up.
             * @example 2026-11-24T09:00:00.123456Z
             */
            finished_at: string | null;
        };
        WebhookDeliveries: {
            /** @description One page. */
            deliveries: components["schemas"]["WebhookDelivery"][];
            /**
             * @description How many there are on all pages.
             * @example 1
             */
            total: number;
            /**
             * @description The page that was asked for.
             * @example 1
             */
            page: number;
            /**
             * @description How many a page has at most.
             * @example 50
             */
            page_size: number;
        };
        CreatedGeneration: components["schemas"]["Generation"] & {
            /**
             * @description A sentence for a person.
             * @example Generation request submitted successfully
             */
            message: string;
        };
        Generation: {
            /**
             * Format: uuid
             * @description What its status is asked with.
             * @example 1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07
             */
            id: string;
            /**
             * @description `pending`, then `processing`, then one of the others, which are final. Never backwards.
             * @example completed
             * @enum {string}
             */
            status: "pending" | "processing" | "completed" | "failed" | "canceled";
            /**
             * @description The prompt.
             * @example Turn this photo into a watercolour
             */
            instructions: string;
            /**
             * @description What makes the picture.
             * @example google/nano-banana
             */
            model: string;
            /**
             * @description Absolute; opens in a browser without a header.
             * @example http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1
             */
            generated_image_url: string | null;
            /** @description All pictures; most models make one. Empty until it is completed. */
            images: {
                /**
                 * @description As `generated_image_url`.
                 * @example http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1
                 */
                url: string;
                /**
                 * @description Its media type.
                 * @example image/png
                 */
                content_type: string;
                /**
                 * @description Pixels.
                 * @example 1024
                 */
                width: number;
                /**
                 * @description Pixels.
                 * @example 683
                 */
                height: number;
            }[];
            /**
             * @description Absolute addresses of the uploaded pictures.
             * @example [
             *       "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
             *     ]
             */
            example_images: string[];
            /**
             * @description Why it failed, as a sentence; null when it did not.
             * @example null
             */
            error: string | null;
            /**
             * @description The same for programs; stable.
             * @example null
             */
            error_code: string | null;
            /**
             * @description Whether everybody may see the result.
             * @example false
             */
            is_public: boolean;
            /**
             * @description Whether it counts against the quota. Failed ones do not. One that was canceled does if it had been sent to the provider and the month has no more cancels to give back.
             * @example true
             */
            charged: boolean;
            /**
             * Format: date-time
             * @description When it was asked for.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When its state changed last.
             * @example 2026-11-24T09:00:07.654321Z
             */
            updated_at: string;
            /**
             * Format: date-time
             * @description When it ended; null before.
             * @example 2026-11-24T09:00:07.654321Z
             */
            completed_at: string | null;
        };
        GenerationCreateForm: {
            /**
             * @description 1 to 1000 characters, plain, or a JSON object as in the JSON body. Other keys of it are options of the model.
             * @example Turn this photo into a watercolour
             */
            instructions: string;
            /**
             * @description JPEG, PNG or WebP, at most 10 MB each. `example_images` is accepted as another name.
             * @example [
             *       "(the bytes of photo.png)"
             *     ]
             */
            files: string[];
            /**
             * @description `true`: everybody may see the result.
             * @example false
             */
            is_public?: string;
            /**
             * @description One that the plan allows; else the default.
             * @example google/nano-banana
             */
            model?: string;
            /**
             * @description Width to height. Left out: the model decides.
             * @example 3:2
             * @enum {string}
             */
            aspect_ratio?: "1:1" | "16:9" | "9:16" | "4:3" | "3:4" | "3:2" | "2:3";
            /**
             * @description A whole number from 0 to 2147483647.
             * @example 7
             */
            seed?: string;
        };
        GenerationCreateRequest: {
            /**
             * @description One that the plan allows; else the default.
             * @example google/nano-banana
             */
            model?: string;
            /**
             * @description Pictures that were put to the addresses of `POST /generation/uploads`.
             * @example []
             */
            upload_ids?: string[];
            /**
             * @description Width to height. Left out: the model decides.
             * @example 3:2
             * @enum {string}
             */
            aspect_ratio?: "1:1" | "16:9" | "9:16" | "4:3" | "3:4" | "3:2" | "2:3";
            /**
             * @description The same seed and prompt give a similar picture, if the model knows seeds.
             * @example 7
             */
            seed?: number;
            /**
             * @description Whether everybody may see the result. Default false.
             * @example false
             */
            is_public?: boolean;
            /**
             * @description What the picture shall show, or what shall be done to the pictures that are sent.
             * @example Turn this photo into a watercolour
             */
            prompt: string;
        } | {
            /**
             * @description One that the plan allows; else the default.
             * @example google/nano-banana
             */
            model?: string;
            /**
             * @description Pictures that were put to the addresses of `POST /generation/uploads`.
             * @example []
             */
            upload_ids?: string[];
            /**
             * @description Width to height. Left out: the model decides.
             * @example 3:2
             * @enum {string}
             */
            aspect_ratio?: "1:1" | "16:9" | "9:16" | "4:3" | "3:4" | "3:2" | "2:3";
            /**
             * @description The same seed and prompt give a similar picture, if the model knows seeds.
             * @example 7
             */
            seed?: number;
            /**
             * @description Whether everybody may see the result. Default false.
             * @example false
             */
            is_public?: boolean;
            /**
             * @description What the picture shall show, or what shall be done to the pictures that are sent.
             * @example Turn this photo into a watercolour
             */
            instructions: string;
        };
        Uploads: {
            /** @description As many as were asked for. */
            uploads: {
                /**
                 * Format: uuid
                 * @description For `upload_ids` of a create.
                 * @example 5c7e9a1b-6f03-4d48-9b2a-0d4f6e8c2a08
                 */
                id: string;
                /**
                 * @description PUT the picture here, with its own Content-Type, once.
                 * @example http://127.0.0.1:54321/storage/v1/object/upload/sign/uploads/4f1d2c3b?token=eyJhbGciOi
                 */
                url: string;
                /**
                 * @description How it is sent.
                 * @example PUT
                 * @enum {string}
                 */
                method: "PUT";
                /**
                 * @description Seconds until the address is dead.
                 * @example 7200
                 */
                expires_in: number;
            }[];
        };
        UploadsCreateRequest: {
            /**
             * @description How many addresses.
             * @default 1
             * @example 1
             */
            count?: number;
        };
        /** @description One event of the stream; `data` is JSON there. Comments between events keep the connection open. */
        GenerationEvent: components["schemas"]["GenerationStatusEvent"] | components["schemas"]["GenerationProgressEvent"] | components["schemas"]["GenerationProblemEvent"];
        GenerationStatusEvent: {
            /**
             * @description A new state.
             * @example status
             * @enum {string}
             */
            event: "status";
            /**
             * @description Send the last one back as `Last-Event-ID` to go on behind it.
             * @example 2
             */
            id: string;
            data: components["schemas"]["Generation"] & unknown;
        };
        GenerationProgressEvent: {
            /**
             * @description It came further.
             * @example progress
             * @enum {string}
             */
            event: "progress";
            /**
             * @description Send the last one back as `Last-Event-ID` to go on behind it.
             * @example 2.118
             */
            id: string;
            data: components["schemas"]["GenerationProgress"];
        };
        /** @description What the model's log says of it. */
        GenerationProgress: {
            /**
             * @description Null where the model tells no percents.
             * @example 40
             */
            percent: number | null;
            /**
             * @description The last line of the model's log, at most 200 characters.
             * @example 40%|████      | 4/10 [00:02<00:03,  1.9it/s]
             */
            log: string;
        };
        GenerationProblemEvent: {
            /**
             * @description The caller may no longer look, or the generation was deleted. The stream ends.
             * @example problem
             * @enum {string}
             */
            event: "problem";
            data: components["schemas"]["GenerationProblem"];
        };
        /** @description Like every error, with its status. */
        GenerationProblem: {
            /**
             * @description One sentence for a person.
             * @example Project not found.
             */
            detail: string;
            /**
             * @description Stable, for programs.
             * @example project_not_found
             */
            code: string;
            /**
             * @description Also in the header X-Request-Id.
             * @example 3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09
             */
            request_id: string;
            /**
             * @description What the same request is answered now.
             * @example 401
             */
            status: number;
        };
        GenerationList: {
            /** @description One page. */
            generations: components["schemas"]["Generation"][];
            /**
             * @description With a cursor, as it was on the first page. Published pictures are counted up to 1,000.
             * @example 1
             */
            total: number;
            /**
             * @description The page that was asked for.
             * @example 1
             */
            page: number;
            /**
             * @description How many a page has at most.
             * @example 20
             */
            page_size: number;
            /**
             * @deprecated
             * @description The older name of `page_size`.
             * @example 20
             */
            per_page: number;
            /**
             * @description Where the next page begins; null on the last one.
             * @example null
             */
            next_cursor: string | null;
        };
        GenerationUsage: {
            /**
             * @description The plan that counts.
             * @example free
             */
            plan: string | null;
            /**
             * Format: date
             * @description First day of the UTC month.
             * @example 2026-11-01
             */
            month: string;
            /**
             * @description Charged in this month, running ones included.
             * @example 42
             */
            used: number;
            /**
             * @description A month. Null is unlimited.
             * @example 100
             */
            limit: number | null;
            /**
             * @description Pending or processing now.
             * @example 1
             */
            running: number;
            /**
             * @description How many may run at once. Null is unlimited.
             * @example 3
             */
            concurrent_limit: number | null;
            /**
             * @description Sent to the provider in this month, whatever became of them.
             * @example 45
             */
            sent: number;
            /**
             * @description How many may be sent in a month, failed and canceled ones included. Null is unlimited.
             * @example 210
             */
            sent_limit: number | null;
            /**
             * @description Canceled or deleted after they were sent, and given back.
             * @example 2
             */
            canceled: number;
            /**
             * @description How many such cancels of a month are given back; later ones stay charged. Null is all.
             * @example 10
             */
            cancel_limit: number | null;
            /**
             * Format: date-time
             * @description When `used` is zero again.
             * @example 2026-12-01T00:00:00.000000Z
             */
            resets_at: string;
            user: components["schemas"]["UserUsage"];
        };
        /** @description Of the caller alone; null for whoever runs the project. */
        UserUsage: {
            /**
             * @description Charged on this UTC day, running ones included.
             * @example 2
             */
            used_today: number;
            /**
             * @description A day. Null is no limit but the plan's.
             * @example 3
             */
            day_limit: number | null;
            /**
             * Format: date-time
             * @description When `used_today` is zero again.
             * @example 2026-11-25T00:00:00.000000Z
             */
            day_resets_at: string;
            /**
             * @description The same in this UTC month.
             * @example 11
             */
            used_this_month: number;
            /**
             * @description A month. Null is no limit but the plan's.
             * @example 30
             */
            month_limit: number | null;
            /**
             * @description Pending or processing now.
             * @example 1
             */
            running: number;
            /**
             * @description How many may run at once. Null is no limit but the plan's.
             * @example 1
             */
            concurrent_limit: number | null;
        } | null;
        Models: {
            /** @description By id. */
            models: components["schemas"]["Model"][];
        };
        Model: {
            /**
             * @description What `model` of a request names.
             * @example google/nano-banana
             */
            id: string;
            /**
             * @description What is made with it when a request names no model: from words alone, or from pictures.
             * @example [
             *       "pictures"
             *     ]
             */
            default_for: ("words" | "pictures")[];
            /**
             * @description How many pictures it looks at; 0 is none.
             * @example 5
             */
            max_images: number;
            /**
             * @description The other fields of a request that the model knows.
             * @example {
             *       "aspect_ratio": {
             *         "type": "string",
             *         "enum": [
             *           "1:1",
             *           "16:9"
             *         ]
             *       }
             *     }
             */
            options: {
                [key: string]: components["schemas"]["ModelOption"];
            };
        };
        ModelOption: {
            /**
             * @description Its JSON type.
             * @example string
             * @enum {string}
             */
            type: "string" | "integer" | "number" | "boolean";
            /**
             * @description What it may be.
             * @example [
             *       "1:1",
             *       "16:9"
             *     ]
             */
            enum?: string[];
            /**
             * @description The smallest.
             * @example 0
             */
            minimum?: number;
            /**
             * @description The largest.
             * @example 10
             */
            maximum?: number;
            /**
             * @description How many characters it may have.
             * @example 60
             */
            maxLength?: number;
            /**
             * @description What it looks like.
             * @example ^any$
             */
            pattern?: string;
        };
        GenerationPublic: {
            /**
             * Format: uuid
             * @description The generation.
             * @example 1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07
             */
            id: string;
            /**
             * @description Whether everybody may see the result.
             * @example true
             */
            is_public: boolean;
            /**
             * @description A sentence for a person.
             * @example The picture is public now
             */
            message: string;
        };
        GenerationPublicRequest: {
            /**
             * @description Whether everybody may see the result.
             * @example true
             */
            is_public: boolean;
        };
        GenerationDeleted: {
            /**
             * @description A sentence for a person.
             * @example Generation deleted successfully
             */
            message: string;
        };
        Payments: {
            /**
             * @description None.
             * @example []
             */
            payments: unknown[];
            /**
             * @description Always 0.
             * @example 0
             */
            total: number;
            /**
             * @description Always 1.
             * @example 1
             */
            page: number;
            /**
             * @description Always 50.
             * @example 50
             */
            page_size: number;
        };
        WebhookReceived: {
            /**
             * @description Always.
             * @example true
             * @enum {boolean}
             */
            received: true;
        };
        ReplicatePrediction: {
            /**
             * @description The prediction.
             * @example gm3qorzdhgbfurvjtvhg6dckhu
             */
            id: string;
            /**
             * @description What Replicate says of it.
             * @example succeeded
             */
            status: string;
        } & {
            [key: string]: unknown;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    "health.live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It runs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "version": "0.1.0"
                     *     }
                     */
                    "application/json": components["schemas"]["Liveness"];
                };
            };
        };
    };
    "health.get": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It can, or only an optional part is down. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "database": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "auth": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "file_storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "redis": {
                     *         "status": "not_configured"
                     *       },
                     *       "mail": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "image_provider": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "timestamp": "2026-11-24T09:00:00.123456Z",
                     *       "version": "0.1.0"
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "database": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "auth": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "file_storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "redis": {
                     *         "status": "not_configured"
                     *       },
                     *       "mail": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "image_provider": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "timestamp": "2026-11-24T09:00:00.123456Z",
                     *       "version": "0.1.0"
                     *     }
                     */
                    "application/health+json": components["schemas"]["Health"];
                };
            };
        };
    };
    "health.database": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It can, or only an optional part is down. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "latency_ms": 3.2,
                     *       "timestamp": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["PartHealth"];
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "latency_ms": 3.2,
                     *       "timestamp": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/health+json": components["schemas"]["PartHealth"];
                };
            };
        };
    };
    "health.storage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It can, or only an optional part is down. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "latency_ms": 3.2,
                     *       "timestamp": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["PartHealth"];
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "latency_ms": 3.2,
                     *       "timestamp": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/health+json": components["schemas"]["PartHealth"];
                };
            };
        };
    };
    "health.redis": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It can, or only an optional part is down. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "latency_ms": 3.2,
                     *       "timestamp": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["PartHealth"];
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "latency_ms": 3.2,
                     *       "timestamp": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/health+json": components["schemas"]["PartHealth"];
                };
            };
        };
    };
    "health.detailed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It can, or only an optional part is down. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "database": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "auth": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "file_storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "redis": {
                     *         "status": "not_configured"
                     *       },
                     *       "mail": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "image_provider": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "timestamp": "2026-11-24T09:00:00.123456Z",
                     *       "version": "0.1.0",
                     *       "last_errors": {
                     *         "redis": {
                     *           "error": "timeout",
                     *           "at": "2026-11-24T09:00:00.123456Z"
                     *         }
                     *       },
                     *       "service": {
                     *         "runtime": "Deno/2.9.6",
                     *         "database_version": "17.6",
                     *         "migrations": {
                     *           "applied": 42,
                     *           "expected": 42,
                     *           "missing": [],
                     *           "unknown": []
                     *         },
                     *         "pool": {
                     *           "size": 3,
                     *           "in_use": 1,
                     *           "waiting": 0
                     *         },
                     *         "connections": {
                     *           "max": 60,
                     *           "used": 14,
                     *           "api": 6,
                     *           "api_active": 1
                     *         },
                     *         "queue": {
                     *           "pending": {
                     *             "count": 2,
                     *             "overdue": 0,
                     *             "oldest_seconds": 12
                     *           },
                     *           "processing": {
                     *             "count": 2,
                     *             "overdue": 0,
                     *             "oldest_seconds": 12
                     *           },
                     *           "ended_last_hour": {
                     *             "completed": 120,
                     *             "failed": 1,
                     *             "canceled": 2
                     *           }
                     *         },
                     *         "reconciler": {
                     *           "status": "healthy",
                     *           "last_run_at": "2026-11-24T09:00:00.123456Z",
                     *           "jobs": {
                     *             "mail": {
                     *               "ran_at": "2026-11-24T09:00:00.123456Z",
                     *               "checked": 3,
                     *               "failed": 0,
                     *               "failing_since": null
                     *             }
                     *           }
                     *         },
                     *         "mail_outbox": {
                     *           "waiting": 0,
                     *           "oldest_seconds": 0,
                     *           "failing": 0
                     *         },
                     *         "cleanup": {
                     *           "waiting": 0,
                     *           "oldest_seconds": 0
                     *         },
                     *         "replicate_token": "accepted",
                     *         "settings": {
                     *           "smtp_port": 587,
                     *           "cron_secret_set": true
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["DetailedHealth"];
                    /**
                     * @example {
                     *       "status": "healthy",
                     *       "database": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "auth": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "file_storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "storage": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "redis": {
                     *         "status": "not_configured"
                     *       },
                     *       "mail": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "image_provider": {
                     *         "status": "healthy",
                     *         "latency_ms": 3.2
                     *       },
                     *       "timestamp": "2026-11-24T09:00:00.123456Z",
                     *       "version": "0.1.0",
                     *       "last_errors": {
                     *         "redis": {
                     *           "error": "timeout",
                     *           "at": "2026-11-24T09:00:00.123456Z"
                     *         }
                     *       },
                     *       "service": {
                     *         "runtime": "Deno/2.9.6",
                     *         "database_version": "17.6",
                     *         "migrations": {
                     *           "applied": 42,
                     *           "expected": 42,
                     *           "missing": [],
                     *           "unknown": []
                     *         },
                     *         "pool": {
                     *           "size": 3,
                     *           "in_use": 1,
                     *           "waiting": 0
                     *         },
                     *         "connections": {
                     *           "max": 60,
                     *           "used": 14,
                     *           "api": 6,
                     *           "api_active": 1
                     *         },
                     *         "queue": {
                     *           "pending": {
                     *             "count": 2,
                     *             "overdue": 0,
                     *             "oldest_seconds": 12
                     *           },
                     *           "processing": {
                     *             "count": 2,
                     *             "overdue": 0,
                     *             "oldest_seconds": 12
                     *           },
                     *           "ended_last_hour": {
                     *             "completed": 120,
                     *             "failed": 1,
                     *             "canceled": 2
                     *           }
                     *         },
                     *         "reconciler": {
                     *           "status": "healthy",
                     *           "last_run_at": "2026-11-24T09:00:00.123456Z",
                     *           "jobs": {
                     *             "mail": {
                     *               "ran_at": "2026-11-24T09:00:00.123456Z",
                     *               "checked": 3,
                     *               "failed": 0,
                     *               "failing_since": null
                     *             }
                     *           }
                     *         },
                     *         "mail_outbox": {
                     *           "waiting": 0,
                     *           "oldest_seconds": 0,
                     *           "failing": 0
                     *         },
                     *         "cleanup": {
                     *           "waiting": 0,
                     *           "oldest_seconds": 0
                     *         },
                     *         "replicate_token": "accepted",
                     *         "settings": {
                     *           "smtp_port": 587,
                     *           "cron_secret_set": true
                     *         }
                     *       }
                     *     }
                     */
                    "application/health+json": components["schemas"]["DetailedHealth"];
                };
            };
        };
    };
    "metrics.scrape": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The Prometheus text format. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example cloud_api_requests_total{method="GET",route="/api/v1/auth/me",status="200"} 42 */
                    "text/plain": string;
                };
            };
        };
    };
    "auth.register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ada@example.com",
                 *       "password": "Correct-horse-9",
                 *       "full_name": "Ada Lovelace"
                 *     }
                 */
                "application/json": components["schemas"]["RegisterRequest"];
            };
        };
        responses: {
            /** @description The account, signed in where that is possible. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
                     *       "email": "ada@example.com",
                     *       "full_name": "Ada Lovelace",
                     *       "role": "end_user",
                     *       "is_active": true,
                     *       "is_verified": false,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "provisioning": {
                     *         "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *         "developer_key": "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ",
                     *         "api_key": "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ"
                     *       },
                     *       "needs_verification": false,
                     *       "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl",
                     *       "refresh_token": "v1NxP0aZq7Kd",
                     *       "token_type": "bearer"
                     *     }
                     */
                    "application/json": components["schemas"]["RegisteredUser"];
                };
            };
        };
    };
    "auth.login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ada@example.com",
                 *       "password": "Correct-horse-9"
                 *     }
                 */
                "application/json": components["schemas"]["LoginRequest"];
            };
        };
        responses: {
            /** @description Tokens of a new session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl",
                     *       "refresh_token": "v1NxP0aZq7Kd",
                     *       "token_type": "bearer",
                     *       "expires_in": 1800
                     *     }
                     */
                    "application/json": components["schemas"]["Tokens"];
                };
            };
        };
    };
    "auth.refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "refresh_token": "v1NxP0aZq7Kd"
                 *     }
                 */
                "application/json": components["schemas"]["RefreshRequest"];
            };
        };
        responses: {
            /** @description New tokens of the same session. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl",
                     *       "refresh_token": "v1NxP0aZq7Kd",
                     *       "token_type": "bearer",
                     *       "expires_in": 1800
                     *     }
                     */
                    "application/json": components["schemas"]["Tokens"];
                };
            };
        };
    };
    "auth.me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
                     *       "email": "ada@example.com",
                     *       "full_name": "Ada Lovelace",
                     *       "role": "end_user",
                     *       "is_active": true,
                     *       "is_verified": false,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02"
                     *     }
                     */
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    "auth.deleteMe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "Correct-horse-9"
                 *     }
                 */
                "application/json": components["schemas"]["DeleteMeRequest"];
            };
        };
        responses: {
            /** @description The account is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "auth.updateMe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "full_name": "Ada Lovelace"
                 *     }
                 */
                "application/json": components["schemas"]["UpdateMeRequest"];
            };
        };
        responses: {
            /** @description The account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
                     *       "email": "ada@example.com",
                     *       "full_name": "Ada Lovelace",
                     *       "role": "end_user",
                     *       "is_active": true,
                     *       "is_verified": false,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02"
                     *     }
                     */
                    "application/json": components["schemas"]["User"];
                };
            };
        };
    };
    "auth.logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "scope": "local"
                 *     }
                 */
                "application/json": components["schemas"]["LogoutRequest"];
            };
        };
        responses: {
            /** @description Signed out. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "sessions.list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where the account is signed in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "2a8d6f4c-5b71-4e93-a0c4-7f1e3d5b9c04",
                     *         "device": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
                     *         "ip": "203.0.113.7",
                     *         "created_at": "2026-11-24T09:00:00.123456Z",
                     *         "last_seen_at": "2026-11-24T10:30:00.123456Z",
                     *         "expires_at": "2026-12-01T09:00:00.123456Z",
                     *         "current": true
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["Session"][];
                };
            };
        };
    };
    "sessions.revoke": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description A session of `GET /auth/sessions`. */
                session_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session is ended. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "auth.changePassword": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "current_password": "Correct-horse-9",
                 *       "new_password": "Better-horse-10"
                 *     }
                 */
                "application/json": components["schemas"]["ChangePasswordRequest"];
            };
        };
        responses: {
            /** @description The password is changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account has an address to verify, a mail is on its way."
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    "auth.changeEmail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "password": "Correct-horse-9",
                 *       "new_email": "ada@example.org"
                 *     }
                 */
                "application/json": components["schemas"]["ChangeEmailRequest"];
            };
        };
        responses: {
            /** @description Two mails are on their way. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account has an address to verify, a mail is on its way."
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    "auth.verifyEmail": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02"
                 *     }
                 */
                "application/json": components["schemas"]["VerifyEmailRequest"];
            };
        };
        responses: {
            /** @description Verified. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "The address is verified.",
                     *       "email": "ada@example.com"
                     *     }
                     */
                    "application/json": components["schemas"]["VerifiedEmail"];
                };
            };
        };
    };
    "auth.checkMailToken": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02"
                 *     }
                 */
                "application/json": components["schemas"]["CheckMailTokenRequest"];
            };
        };
        responses: {
            /** @description The token was mailed by this service. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "purpose": "verification",
                     *       "state": "valid",
                     *       "expires_at": "2026-11-24T09:00:00.123456Z",
                     *       "project": {
                     *         "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *         "name": "Postcards",
                     *         "site_url": "https://app.example.com",
                     *         "language": "de",
                     *         "accent_color": "#2563eb",
                     *         "accent_text_color": "#ffffff"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["CheckedMailToken"];
                };
            };
        };
    };
    "auth.requestVerification": {
        parameters: {
            query?: {
                /** @description Whose address it is, when nobody is signed in. */
                user_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "user_id": "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
                 *       "email": "ada@example.com"
                 *     }
                 */
                "application/json": components["schemas"]["VerificationRequest"];
            };
        };
        responses: {
            /** @description A mail is on its way if there is something to verify. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account has an address to verify, a mail is on its way."
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    "auth.requestPasswordReset": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "ada@example.com"
                 *     }
                 */
                "application/json": components["schemas"]["PasswordResetRequest"];
            };
        };
        responses: {
            /** @description A mail is on its way if there is such an account. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account has an address to verify, a mail is on its way."
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    "auth.resetPassword": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "token": "4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02",
                 *       "password": "Correct-horse-9"
                 *     }
                 */
                "application/json": components["schemas"]["ResetPasswordRequest"];
            };
        };
        responses: {
            /** @description The new password counts. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account has an address to verify, a mail is on its way."
                     *     }
                     */
                    "application/json": components["schemas"]["Message"];
                };
            };
        };
    };
    "developerKeys.list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys, without their secrets; ended ones too. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
                     *         "name": "Web app",
                     *         "key_prefix": "ak_Qx3vT",
                     *         "is_active": true,
                     *         "last_used_at": "2026-11-24T09:00:00.123456Z",
                     *         "expires_at": "2027-11-24T09:00:00.000000Z",
                     *         "created_at": "2026-11-24T09:00:00.123456Z",
                     *         "management": false
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["DeveloperKey"][];
                };
            };
        };
    };
    "developerKeys.create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Web app",
                 *       "expires_at": "2027-11-24T09:00:00Z",
                 *       "management": false
                 *     }
                 */
                "application/json": components["schemas"]["DeveloperKeyCreateRequest"];
            };
        };
        responses: {
            /** @description The key, shown once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
                     *       "name": "Web app",
                     *       "key_prefix": "ak_Qx3vT",
                     *       "is_active": true,
                     *       "last_used_at": "2026-11-24T09:00:00.123456Z",
                     *       "expires_at": "2027-11-24T09:00:00.000000Z",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "management": false,
                     *       "key": "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ"
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedDeveloperKey"];
                };
            };
        };
    };
    "developerKeys.rotate": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key's id, of the list; not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "grace_seconds": 86400
                 *     }
                 */
                "application/json": components["schemas"]["DeveloperKeyRotateRequest"];
            };
        };
        responses: {
            /** @description The new key, shown once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
                     *       "name": "Web app",
                     *       "key_prefix": "ak_Qx3vT",
                     *       "is_active": true,
                     *       "last_used_at": "2026-11-24T09:00:00.123456Z",
                     *       "expires_at": "2027-11-24T09:00:00.000000Z",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "management": false,
                     *       "key": "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ"
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedDeveloperKey"];
                };
            };
        };
    };
    "developerKeys.revoke": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key's id, of the list; not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key is revoked. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "projects.list": {
        parameters: {
            query?: {
                /** @description Part of the name or description. */
                search?: string;
                /** @description Only active ones, or only those that are not. Left out: both. */
                is_active?: boolean;
                /** @description Which page, from 1. */
                page?: number;
                /** @description How many on a page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description true lists the deleted projects that can still be restored, last deleted first. */
                deleted?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *         "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *         "name": "Postcards",
                     *         "description": "Photos become postcards.",
                     *         "is_active": true,
                     *         "is_suspended": false,
                     *         "email_verification": "optional",
                     *         "allowed_origins": [
                     *           "https://app.example.com"
                     *         ],
                     *         "site_url": "https://app.example.com",
                     *         "verify_url": "https://app.example.com/verify-email",
                     *         "reset_url": "https://app.example.com/reset-password",
                     *         "user_generations_per_day": 3,
                     *         "user_generations_per_month": 30,
                     *         "user_concurrent": 1,
                     *         "mail": {
                     *           "sender_name": "Postcards",
                     *           "logo_url": "https://app.example.com/logo.png",
                     *           "accent_color": "#2563eb",
                     *           "language": "de",
                     *           "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *         },
                     *         "plan_id": "starter",
                     *         "created_at": "2026-11-24T09:00:00.123456Z",
                     *         "updated_at": "2026-11-24T09:00:00.123456Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["Project"][];
                };
            };
        };
    };
    "projects.create": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Postcards",
                 *       "description": "Photos become postcards.",
                 *       "email_verification": "optional",
                 *       "allowed_origins": [
                 *         "https://app.example.com",
                 *         "https://*.example.com"
                 *       ],
                 *       "site_url": "https://app.example.com",
                 *       "verify_url": "https://app.example.com/verify-email",
                 *       "reset_url": "https://app.example.com/reset-password",
                 *       "user_generations_per_day": 3,
                 *       "user_generations_per_month": 30,
                 *       "user_concurrent": 1,
                 *       "mail": {
                 *         "sender_name": "Postcards",
                 *         "logo_url": "https://app.example.com/logo.png",
                 *         "accent_color": "#2563eb",
                 *         "language": "de",
                 *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["ProjectCreateRequest"];
            };
        };
        responses: {
            /** @description The new project. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *       "name": "Postcards",
                     *       "description": "Photos become postcards.",
                     *       "is_active": true,
                     *       "is_suspended": false,
                     *       "email_verification": "optional",
                     *       "allowed_origins": [
                     *         "https://app.example.com"
                     *       ],
                     *       "site_url": "https://app.example.com",
                     *       "verify_url": "https://app.example.com/verify-email",
                     *       "reset_url": "https://app.example.com/reset-password",
                     *       "user_generations_per_day": 3,
                     *       "user_generations_per_month": 30,
                     *       "user_concurrent": 1,
                     *       "mail": {
                     *         "sender_name": "Postcards",
                     *         "logo_url": "https://app.example.com/logo.png",
                     *         "accent_color": "#2563eb",
                     *         "language": "de",
                     *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *       },
                     *       "plan_id": "starter",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    "users.listAll": {
        parameters: {
            query?: {
                /** @description Part of the email or full name. */
                search?: string;
                /** @description Only active ones, or only those that are not. Left out: both. */
                is_active?: boolean;
                /** @description Which page, from 1. */
                page?: number;
                /** @description How many on a page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description Only of this project. */
                project_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "users": [
                     *         {
                     *           "id": "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
                     *           "email": "ada@example.com",
                     *           "full_name": "Ada Lovelace",
                     *           "role": "end_user",
                     *           "is_active": true,
                     *           "is_verified": false,
                     *           "created_at": "2026-11-24T09:00:00.123456Z",
                     *           "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *           "joined_at": "2026-11-24T09:00:00.123456Z",
                     *           "project_name": "Postcards",
                     *           "generations_per_day": 10,
                     *           "generations_per_month": 100,
                     *           "concurrent_generations": 2
                     *         }
                     *       ],
                     *       "total": 1,
                     *       "page": 1,
                     *       "page_size": 50
                     *     }
                     */
                    "application/json": components["schemas"]["ProjectUsers"];
                };
            };
        };
    };
    "projects.globalStats": {
        parameters: {
            query?: {
                /** @description Part of a project's name or description, a user's email or full name, or a key's name or prefix. */
                search?: string;
                /** @description Only active ones, or only those that are not. Left out: both. */
                is_active?: boolean;
                /** @description Only of this project. */
                project_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many there are, and how many of them are active. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "users": {
                     *         "total": 12,
                     *         "active": 11
                     *       },
                     *       "api_keys": {
                     *         "total": 12,
                     *         "active": 11
                     *       },
                     *       "projects": {
                     *         "total": 12,
                     *         "active": 11
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["GlobalStats"];
                };
            };
        };
    };
    "transfers.list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Offers that can be accepted. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *         "project_name": "Postcards",
                     *         "email": "grace@example.com",
                     *         "owner_email": "ada@example.com",
                     *         "created_at": "2026-11-24T09:00:00.123456Z",
                     *         "expires_at": "2026-12-01T09:00:00.123456Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["ProjectTransfer"][];
                };
            };
        };
    };
    "projects.get": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *       "name": "Postcards",
                     *       "description": "Photos become postcards.",
                     *       "is_active": true,
                     *       "is_suspended": false,
                     *       "email_verification": "optional",
                     *       "allowed_origins": [
                     *         "https://app.example.com"
                     *       ],
                     *       "site_url": "https://app.example.com",
                     *       "verify_url": "https://app.example.com/verify-email",
                     *       "reset_url": "https://app.example.com/reset-password",
                     *       "user_generations_per_day": 3,
                     *       "user_generations_per_month": 30,
                     *       "user_concurrent": 1,
                     *       "mail": {
                     *         "sender_name": "Postcards",
                     *         "logo_url": "https://app.example.com/logo.png",
                     *         "accent_color": "#2563eb",
                     *         "language": "de",
                     *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *       },
                     *       "plan_id": "starter",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    "projects.replace": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Postcards",
                 *       "description": "Photos become postcards.",
                 *       "email_verification": "optional",
                 *       "allowed_origins": [
                 *         "https://app.example.com",
                 *         "https://*.example.com"
                 *       ],
                 *       "site_url": "https://app.example.com",
                 *       "verify_url": "https://app.example.com/verify-email",
                 *       "reset_url": "https://app.example.com/reset-password",
                 *       "user_generations_per_day": 3,
                 *       "user_generations_per_month": 30,
                 *       "user_concurrent": 1,
                 *       "mail": {
                 *         "sender_name": "Postcards",
                 *         "logo_url": "https://app.example.com/logo.png",
                 *         "accent_color": "#2563eb",
                 *         "language": "de",
                 *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                 *       },
                 *       "is_active": true
                 *     }
                 */
                "application/json": components["schemas"]["ProjectUpdateRequest"];
            };
        };
        responses: {
            /** @description The project as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *       "name": "Postcards",
                     *       "description": "Photos become postcards.",
                     *       "is_active": true,
                     *       "is_suspended": false,
                     *       "email_verification": "optional",
                     *       "allowed_origins": [
                     *         "https://app.example.com"
                     *       ],
                     *       "site_url": "https://app.example.com",
                     *       "verify_url": "https://app.example.com/verify-email",
                     *       "reset_url": "https://app.example.com/reset-password",
                     *       "user_generations_per_day": 3,
                     *       "user_generations_per_month": 30,
                     *       "user_concurrent": 1,
                     *       "mail": {
                     *         "sender_name": "Postcards",
                     *         "logo_url": "https://app.example.com/logo.png",
                     *         "accent_color": "#2563eb",
                     *         "language": "de",
                     *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *       },
                     *       "plan_id": "starter",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    "projects.delete": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "projects.update": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Postcards",
                 *       "description": "Photos become postcards.",
                 *       "email_verification": "optional",
                 *       "allowed_origins": [
                 *         "https://app.example.com",
                 *         "https://*.example.com"
                 *       ],
                 *       "site_url": "https://app.example.com",
                 *       "verify_url": "https://app.example.com/verify-email",
                 *       "reset_url": "https://app.example.com/reset-password",
                 *       "user_generations_per_day": 3,
                 *       "user_generations_per_month": 30,
                 *       "user_concurrent": 1,
                 *       "mail": {
                 *         "sender_name": "Postcards",
                 *         "logo_url": "https://app.example.com/logo.png",
                 *         "accent_color": "#2563eb",
                 *         "language": "de",
                 *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                 *       },
                 *       "is_active": true
                 *     }
                 */
                "application/json": components["schemas"]["ProjectUpdateRequest"];
            };
        };
        responses: {
            /** @description The project as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *       "name": "Postcards",
                     *       "description": "Photos become postcards.",
                     *       "is_active": true,
                     *       "is_suspended": false,
                     *       "email_verification": "optional",
                     *       "allowed_origins": [
                     *         "https://app.example.com"
                     *       ],
                     *       "site_url": "https://app.example.com",
                     *       "verify_url": "https://app.example.com/verify-email",
                     *       "reset_url": "https://app.example.com/reset-password",
                     *       "user_generations_per_day": 3,
                     *       "user_generations_per_month": 30,
                     *       "user_concurrent": 1,
                     *       "mail": {
                     *         "sender_name": "Postcards",
                     *         "logo_url": "https://app.example.com/logo.png",
                     *         "accent_color": "#2563eb",
                     *         "language": "de",
                     *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *       },
                     *       "plan_id": "starter",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    "users.delete": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description An end user of the project. */
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account is gone. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "users.update": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description An end user of the project. */
                user_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "is_active": false,
                 *       "generations_per_day": 10,
                 *       "generations_per_month": 100,
                 *       "concurrent_generations": 2
                 *     }
                 */
                "application/json": components["schemas"]["ProjectUserUpdateRequest"];
            };
        };
        responses: {
            /** @description The account as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
                     *       "email": "ada@example.com",
                     *       "full_name": "Ada Lovelace",
                     *       "role": "end_user",
                     *       "is_active": true,
                     *       "is_verified": false,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "joined_at": "2026-11-24T09:00:00.123456Z",
                     *       "project_name": "Postcards",
                     *       "generations_per_day": 10,
                     *       "generations_per_month": 100,
                     *       "concurrent_generations": 2
                     *     }
                     */
                    "application/json": components["schemas"]["ProjectUser"];
                };
            };
        };
    };
    "projects.restore": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *       "name": "Postcards",
                     *       "description": "Photos become postcards.",
                     *       "is_active": true,
                     *       "is_suspended": false,
                     *       "email_verification": "optional",
                     *       "allowed_origins": [
                     *         "https://app.example.com"
                     *       ],
                     *       "site_url": "https://app.example.com",
                     *       "verify_url": "https://app.example.com/verify-email",
                     *       "reset_url": "https://app.example.com/reset-password",
                     *       "user_generations_per_day": 3,
                     *       "user_generations_per_month": 30,
                     *       "user_concurrent": 1,
                     *       "mail": {
                     *         "sender_name": "Postcards",
                     *         "logo_url": "https://app.example.com/logo.png",
                     *         "accent_color": "#2563eb",
                     *         "language": "de",
                     *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *       },
                     *       "plan_id": "starter",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    "projects.setPlan": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "plan_id": "premium"
                 *     }
                 */
                "application/json": components["schemas"]["ProjectPlanRequest"];
            };
        };
        responses: {
            /** @description The project as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *       "name": "Postcards",
                     *       "description": "Photos become postcards.",
                     *       "is_active": true,
                     *       "is_suspended": false,
                     *       "email_verification": "optional",
                     *       "allowed_origins": [
                     *         "https://app.example.com"
                     *       ],
                     *       "site_url": "https://app.example.com",
                     *       "verify_url": "https://app.example.com/verify-email",
                     *       "reset_url": "https://app.example.com/reset-password",
                     *       "user_generations_per_day": 3,
                     *       "user_generations_per_month": 30,
                     *       "user_concurrent": 1,
                     *       "mail": {
                     *         "sender_name": "Postcards",
                     *         "logo_url": "https://app.example.com/logo.png",
                     *         "accent_color": "#2563eb",
                     *         "language": "de",
                     *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *       },
                     *       "plan_id": "starter",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    "plans.list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The plans. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "plans": [
                     *         {
                     *           "id": "starter",
                     *           "is_default": false,
                     *           "is_current": true,
                     *           "generations_per_month": 1000,
                     *           "concurrent_generations": 3,
                     *           "projects": 20,
                     *           "api_keys_per_project": 10,
                     *           "requests_per_day": 10000,
                     *           "reads_per_minute": 1200,
                     *           "auth_calls_per_hour": 500,
                     *           "models": [
                     *             "google/nano-banana"
                     *           ]
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Plans"];
                };
            };
        };
    };
    "users.list": {
        parameters: {
            query?: {
                /** @description Part of the email or full name. */
                search?: string;
                /** @description Only active ones, or only those that are not. Left out: both. */
                is_active?: boolean;
                /** @description Which page, from 1. */
                page?: number;
                /** @description How many on a page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
            };
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "users": [
                     *         {
                     *           "id": "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
                     *           "email": "ada@example.com",
                     *           "full_name": "Ada Lovelace",
                     *           "role": "end_user",
                     *           "is_active": true,
                     *           "is_verified": false,
                     *           "created_at": "2026-11-24T09:00:00.123456Z",
                     *           "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *           "joined_at": "2026-11-24T09:00:00.123456Z",
                     *           "project_name": "Postcards",
                     *           "generations_per_day": 10,
                     *           "generations_per_month": 100,
                     *           "concurrent_generations": 2
                     *         }
                     *       ],
                     *       "total": 1,
                     *       "page": 1,
                     *       "page_size": 50
                     *     }
                     */
                    "application/json": components["schemas"]["ProjectUsers"];
                };
            };
        };
    };
    "projects.stats": {
        parameters: {
            query?: {
                /** @description Part of a user's email or full name, or of a key's name or prefix. */
                search?: string;
                /** @description Only active ones, or only those that are not. Left out: both. */
                is_active?: boolean;
            };
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many there are, and how many of them are active. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "users": {
                     *         "total": 12,
                     *         "active": 11
                     *       },
                     *       "api_keys": {
                     *         "total": 12,
                     *         "active": 11
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["ProjectStats"];
                };
            };
        };
    };
    "projects.audit": {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description How many on a page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description What kind of thing was changed. */
                resource?: "project" | "user" | "api_key" | "project_transfer" | "webhook";
                /** @description What was done to it. */
                action?: "create" | "update" | "delete";
            };
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "events": [
                     *         {
                     *           "id": 4711,
                     *           "occurred_at": "2026-11-24T09:00:00.123456Z",
                     *           "resource": "project",
                     *           "resource_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *           "action": "update",
                     *           "changes": {
                     *             "name": {
                     *               "old": "Postcards",
                     *               "new": "Letters"
                     *             }
                     *           },
                     *           "actor_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *           "actor_role": "developer",
                     *           "ip": "203.0.113.7",
                     *           "user_agent": "curl/8.14.1",
                     *           "request_id": "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09"
                     *         }
                     *       ],
                     *       "total": 1,
                     *       "page": 1,
                     *       "page_size": 50
                     *     }
                     */
                    "application/json": components["schemas"]["AuditEvents"];
                };
            };
        };
    };
    "projects.previewMail": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "kind": "verification",
                 *       "mail": {
                 *         "sender_name": "Postcards",
                 *         "logo_url": "https://app.example.com/logo.png",
                 *         "accent_color": "#2563eb",
                 *         "language": "de",
                 *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["MailPreviewRequest"];
            };
        };
        responses: {
            /** @description The mail. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "from_name": "Postcards",
                     *       "from_address": "no-reply@mail.example.com",
                     *       "subject": "Confirm your address for Postcards",
                     *       "text": "Confirm your address\n\nAn account at Postcards was made with this address. …",
                     *       "html": "<!doctype html>\n<html lang=\"en\" dir=\"ltr\">…</html>"
                     *     }
                     */
                    "application/json": components["schemas"]["WrittenMail"];
                };
            };
        };
    };
    "projects.testMail": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "kind": "verification",
                 *       "mail": {
                 *         "sender_name": "Postcards",
                 *         "logo_url": "https://app.example.com/logo.png",
                 *         "accent_color": "#2563eb",
                 *         "language": "de",
                 *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["MailTestRequest"];
            };
        };
        responses: {
            /** @description The mail is on its way. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "email": "grace@example.com"
                     *     }
                     */
                    "application/json": components["schemas"]["SentTestMail"];
                };
            };
        };
    };
    "transfers.get": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The offer. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "project_name": "Postcards",
                     *       "email": "grace@example.com",
                     *       "owner_email": "ada@example.com",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "expires_at": "2026-12-01T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ProjectTransfer"];
                };
            };
        };
    };
    "transfers.offer": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "email": "grace@example.com",
                 *       "password": "Correct-horse-9"
                 *     }
                 */
                "application/json": components["schemas"]["ProjectTransferRequest"];
            };
        };
        responses: {
            /** @description The offer, good for seven days. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "project_id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "project_name": "Postcards",
                     *       "email": "grace@example.com",
                     *       "owner_email": "ada@example.com",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "expires_at": "2026-12-01T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ProjectTransfer"];
                };
            };
        };
    };
    "transfers.end": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description There is no offer any more. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "transfers.accept": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
                     *       "owner_id": "0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01",
                     *       "name": "Postcards",
                     *       "description": "Photos become postcards.",
                     *       "is_active": true,
                     *       "is_suspended": false,
                     *       "email_verification": "optional",
                     *       "allowed_origins": [
                     *         "https://app.example.com"
                     *       ],
                     *       "site_url": "https://app.example.com",
                     *       "verify_url": "https://app.example.com/verify-email",
                     *       "reset_url": "https://app.example.com/reset-password",
                     *       "user_generations_per_day": 3,
                     *       "user_generations_per_month": 30,
                     *       "user_concurrent": 1,
                     *       "mail": {
                     *         "sender_name": "Postcards",
                     *         "logo_url": "https://app.example.com/logo.png",
                     *         "accent_color": "#2563eb",
                     *         "language": "de",
                     *         "footer": "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint"
                     *       },
                     *       "plan_id": "starter",
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Project"];
                };
            };
        };
    };
    "apiKeys.list": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys, without their secrets. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
                     *         "name": "Web app",
                     *         "key_prefix": "ak_Qx3vT",
                     *         "is_active": true,
                     *         "last_used_at": "2026-11-24T09:00:00.123456Z",
                     *         "status": "active",
                     *         "expires_at": "2027-11-24T09:00:00.000000Z",
                     *         "grace_ends_at": null,
                     *         "created_at": "2026-11-24T09:00:00.123456Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["ApiKey"][];
                };
            };
        };
    };
    "apiKeys.create": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "name": "Web app",
                 *       "expires_at": "2027-11-24T09:00:00Z"
                 *     }
                 */
                "application/json": components["schemas"]["ApiKeyCreateRequest"];
            };
        };
        responses: {
            /** @description The key, shown once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
                     *       "name": "Web app",
                     *       "key_prefix": "ak_Qx3vT",
                     *       "is_active": true,
                     *       "last_used_at": "2026-11-24T09:00:00.123456Z",
                     *       "status": "active",
                     *       "expires_at": "2027-11-24T09:00:00.000000Z",
                     *       "grace_ends_at": null,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "key": "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ"
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedApiKey"];
                };
            };
        };
    };
    "apiKeys.rotate": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The key's id, of the list; not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "grace_seconds": 86400
                 *     }
                 */
                "application/json": components["schemas"]["ApiKeyRotateRequest"];
            };
        };
        responses: {
            /** @description The new key, shown once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
                     *       "name": "Web app",
                     *       "key_prefix": "ak_Qx3vT",
                     *       "is_active": true,
                     *       "last_used_at": "2026-11-24T09:00:00.123456Z",
                     *       "status": "active",
                     *       "expires_at": "2027-11-24T09:00:00.000000Z",
                     *       "grace_ends_at": null,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "key": "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ",
                     *       "replaces": {
                     *         "id": "6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05",
                     *         "grace_ends_at": "2026-11-25T09:00:00.123456Z"
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["RotatedApiKey"];
                };
            };
        };
    };
    "apiKeys.revoke": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The key's id, of the list; not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Revoked. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "apiKeys.usage": {
        parameters: {
            query?: {
                /** @description How many days, today included. */
                days?: number;
            };
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The key's id, of the list; not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The days. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "day": "2026-11-24",
                     *         "requests": 128,
                     *         "errors": 3
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["ApiKeyUsage"][];
                };
            };
        };
    };
    "webhooks.list": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhooks. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": "7a4c2e6b-9d18-4f35-8c0a-6b2d4f8e1a10",
                     *         "url": "https://app.example.com/api/cloud-api-events",
                     *         "description": "Orders",
                     *         "events": [
                     *           "generation.completed",
                     *           "generation.failed"
                     *         ],
                     *         "is_active": true,
                     *         "failing_since": null,
                     *         "disabled_at": null,
                     *         "created_at": "2026-11-24T09:00:00.123456Z",
                     *         "updated_at": "2026-11-24T09:00:00.123456Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["Webhook"][];
                };
            };
        };
    };
    "webhooks.create": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://app.example.com/api/cloud-api-events",
                 *       "events": [
                 *         "generation.completed",
                 *         "generation.failed"
                 *       ],
                 *       "description": "Orders"
                 *     }
                 */
                "application/json": components["schemas"]["WebhookCreateRequest"];
            };
        };
        responses: {
            /** @description The webhook with its secret, shown once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "7a4c2e6b-9d18-4f35-8c0a-6b2d4f8e1a10",
                     *       "url": "https://app.example.com/api/cloud-api-events",
                     *       "description": "Orders",
                     *       "events": [
                     *         "generation.completed",
                     *         "generation.failed"
                     *       ],
                     *       "is_active": true,
                     *       "failing_since": null,
                     *       "disabled_at": null,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z",
                     *       "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookWithSecret"];
                };
            };
        };
    };
    "webhooks.delete": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Deleted. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "webhooks.update": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "url": "https://app.example.com/api/cloud-api-events",
                 *       "events": [
                 *         "generation.completed",
                 *         "generation.failed"
                 *       ],
                 *       "description": "Orders",
                 *       "is_active": true
                 *     }
                 */
                "application/json": components["schemas"]["WebhookUpdateRequest"];
            };
        };
        responses: {
            /** @description The webhook as it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "7a4c2e6b-9d18-4f35-8c0a-6b2d4f8e1a10",
                     *       "url": "https://app.example.com/api/cloud-api-events",
                     *       "description": "Orders",
                     *       "events": [
                     *         "generation.completed",
                     *         "generation.failed"
                     *       ],
                     *       "is_active": true,
                     *       "failing_since": null,
                     *       "disabled_at": null,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Webhook"];
                };
            };
        };
    };
    "webhooks.rotate": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "grace_seconds": 86400
                 *     }
                 */
                "application/json": components["schemas"]["WebhookRotateRequest"];
            };
        };
        responses: {
            /** @description The webhook with its new secret, shown once. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "7a4c2e6b-9d18-4f35-8c0a-6b2d4f8e1a10",
                     *       "url": "https://app.example.com/api/cloud-api-events",
                     *       "description": "Orders",
                     *       "events": [
                     *         "generation.completed",
                     *         "generation.failed"
                     *       ],
                     *       "is_active": true,
                     *       "failing_since": null,
                     *       "disabled_at": null,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:00.123456Z",
                     *       "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookWithSecret"];
                };
            };
        };
    };
    "webhooks.test": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The delivery, which is being sent. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "3e9b5d7f-1c62-4a08-b7d4-8f0a2c6e4b11",
                     *       "event": "generation.completed",
                     *       "subject_id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "status": "delivered",
                     *       "attempts": 1,
                     *       "next_attempt_at": null,
                     *       "response_status": 204,
                     *       "error": null,
                     *       "occurred_at": "2026-11-24T09:00:00.123456Z",
                     *       "finished_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
        };
    };
    "webhooks.listDeliveries": {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description How many on a page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description `delivered` after an answer of 2xx; `failed` when it was given up. */
                status?: "waiting" | "delivered" | "failed";
            };
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "deliveries": [
                     *         {
                     *           "id": "3e9b5d7f-1c62-4a08-b7d4-8f0a2c6e4b11",
                     *           "event": "generation.completed",
                     *           "subject_id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *           "status": "delivered",
                     *           "attempts": 1,
                     *           "next_attempt_at": null,
                     *           "response_status": 204,
                     *           "error": null,
                     *           "occurred_at": "2026-11-24T09:00:00.123456Z",
                     *           "finished_at": "2026-11-24T09:00:00.123456Z"
                     *         }
                     *       ],
                     *       "total": 1,
                     *       "page": 1,
                     *       "page_size": 50
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookDeliveries"];
                };
            };
        };
    };
    "webhooks.replay": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The project. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
                /** @description The delivery's id. */
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The delivery, which is being sent. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "3e9b5d7f-1c62-4a08-b7d4-8f0a2c6e4b11",
                     *       "event": "generation.completed",
                     *       "subject_id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "status": "delivered",
                     *       "attempts": 1,
                     *       "next_attempt_at": null,
                     *       "response_status": 204,
                     *       "error": null,
                     *       "occurred_at": "2026-11-24T09:00:00.123456Z",
                     *       "finished_at": "2026-11-24T09:00:00.123456Z"
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookDelivery"];
                };
            };
        };
    };
    "generations.create": {
        parameters: {
            query?: never;
            header?: {
                /** @description Any text of yours, one for each picture that you want: a repeated request gives the same one. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "instructions": "Turn this photo into a watercolour",
                 *       "files": [
                 *         "(the bytes of photo.png)"
                 *       ],
                 *       "is_public": "false",
                 *       "model": "google/nano-banana",
                 *       "aspect_ratio": "3:2",
                 *       "seed": "7"
                 *     }
                 */
                "multipart/form-data": components["schemas"]["GenerationCreateForm"];
                /**
                 * @example {
                 *       "model": "google/nano-banana",
                 *       "upload_ids": [],
                 *       "aspect_ratio": "3:2",
                 *       "seed": 7,
                 *       "is_public": false,
                 *       "prompt": "Turn this photo into a watercolour"
                 *     }
                 */
                "application/json": components["schemas"]["GenerationCreateRequest"];
            };
        };
        responses: {
            /** @description Accepted; it will be made. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "status": "pending",
                     *       "instructions": "Turn this photo into a watercolour",
                     *       "model": "google/nano-banana",
                     *       "generated_image_url": null,
                     *       "images": [],
                     *       "example_images": [
                     *         "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *       ],
                     *       "error": null,
                     *       "error_code": null,
                     *       "is_public": false,
                     *       "charged": true,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:07.654321Z",
                     *       "completed_at": null,
                     *       "message": "Generation request submitted successfully"
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedGeneration"];
                };
            };
        };
    };
    "generations.createUploads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "count": 1
                 *     }
                 */
                "application/json": components["schemas"]["UploadsCreateRequest"];
            };
        };
        responses: {
            /** @description One address for each. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "uploads": [
                     *         {
                     *           "id": "5c7e9a1b-6f03-4d48-9b2a-0d4f6e8c2a08",
                     *           "url": "http://127.0.0.1:54321/storage/v1/object/upload/sign/uploads/4f1d2c3b?token=eyJhbGciOi",
                     *           "method": "PUT",
                     *           "expires_in": 7200
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Uploads"];
                };
            };
        };
    };
    "generations.createAnonymous": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "instructions": "Turn this photo into a watercolour",
                 *       "files": [
                 *         "(the bytes of photo.png)"
                 *       ],
                 *       "is_public": "false",
                 *       "model": "google/nano-banana",
                 *       "aspect_ratio": "3:2",
                 *       "seed": "7"
                 *     }
                 */
                "multipart/form-data": components["schemas"]["GenerationCreateForm"];
                /**
                 * @example {
                 *       "model": "google/nano-banana",
                 *       "upload_ids": [],
                 *       "aspect_ratio": "3:2",
                 *       "seed": 7,
                 *       "is_public": false,
                 *       "prompt": "Turn this photo into a watercolour"
                 *     }
                 */
                "application/json": components["schemas"]["GenerationCreateRequest"];
            };
        };
        responses: {
            /** @description Accepted; it will be made. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "status": "pending",
                     *       "instructions": "Turn this photo into a watercolour",
                     *       "model": "google/nano-banana",
                     *       "generated_image_url": null,
                     *       "images": [],
                     *       "example_images": [
                     *         "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *       ],
                     *       "error": null,
                     *       "error_code": null,
                     *       "is_public": false,
                     *       "charged": true,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:07.654321Z",
                     *       "completed_at": null,
                     *       "message": "Generation request submitted successfully"
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedGeneration"];
                };
            };
        };
    };
    "generations.getAnonymous": {
        parameters: {
            query?: {
                /** @description Seconds to wait for a final state before answering. */
                wait?: number;
            };
            header?: never;
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The generation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "status": "completed",
                     *       "instructions": "Turn this photo into a watercolour",
                     *       "model": "google/nano-banana",
                     *       "generated_image_url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *       "images": [
                     *         {
                     *           "url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *           "content_type": "image/png",
                     *           "width": 1024,
                     *           "height": 683
                     *         }
                     *       ],
                     *       "example_images": [
                     *         "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *       ],
                     *       "error": null,
                     *       "error_code": null,
                     *       "is_public": false,
                     *       "charged": true,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:07.654321Z",
                     *       "completed_at": "2026-11-24T09:00:07.654321Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Generation"];
                };
            };
        };
    };
    "generations.streamAnonymous": {
        parameters: {
            query?: never;
            header?: {
                /** @description The id of the last event that arrived. One that was never given out begins anew. */
                "last-event-id"?: string;
            };
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events, as they happen. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "event": "status",
                     *       "id": "2",
                     *       "data": {
                     *         "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *         "status": "completed",
                     *         "instructions": "Turn this photo into a watercolour",
                     *         "model": "google/nano-banana",
                     *         "generated_image_url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *         "images": [
                     *           {
                     *             "url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *             "content_type": "image/png",
                     *             "width": 1024,
                     *             "height": 683
                     *           }
                     *         ],
                     *         "example_images": [
                     *           "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *         ],
                     *         "error": null,
                     *         "error_code": null,
                     *         "is_public": false,
                     *         "charged": true,
                     *         "created_at": "2026-11-24T09:00:00.123456Z",
                     *         "updated_at": "2026-11-24T09:00:07.654321Z",
                     *         "completed_at": "2026-11-24T09:00:07.654321Z"
                     *       }
                     *     }
                     */
                    "text/event-stream": components["schemas"]["GenerationEvent"];
                };
            };
            /** @description `Last-Event-ID` is that of the final state: there is nothing more to come. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "generations.list": {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description How many on a page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description `next_cursor` of the page before; `page` is ignored then. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "generations": [
                     *         {
                     *           "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *           "status": "completed",
                     *           "instructions": "Turn this photo into a watercolour",
                     *           "model": "google/nano-banana",
                     *           "generated_image_url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *           "images": [
                     *             {
                     *               "url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *               "content_type": "image/png",
                     *               "width": 1024,
                     *               "height": 683
                     *             }
                     *           ],
                     *           "example_images": [
                     *             "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *           ],
                     *           "error": null,
                     *           "error_code": null,
                     *           "is_public": false,
                     *           "charged": true,
                     *           "created_at": "2026-11-24T09:00:00.123456Z",
                     *           "updated_at": "2026-11-24T09:00:07.654321Z",
                     *           "completed_at": "2026-11-24T09:00:07.654321Z"
                     *         }
                     *       ],
                     *       "total": 1,
                     *       "page": 1,
                     *       "page_size": 20,
                     *       "per_page": 20,
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["GenerationList"];
                };
            };
        };
    };
    "generations.listPublic": {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description How many on a page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description `next_cursor` of the page before; `page` is ignored then. */
                cursor?: string;
                /** @description Only of this project. */
                project_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "generations": [
                     *         {
                     *           "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *           "status": "completed",
                     *           "instructions": "Turn this photo into a watercolour",
                     *           "model": "google/nano-banana",
                     *           "generated_image_url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *           "images": [
                     *             {
                     *               "url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *               "content_type": "image/png",
                     *               "width": 1024,
                     *               "height": 683
                     *             }
                     *           ],
                     *           "example_images": [
                     *             "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *           ],
                     *           "error": null,
                     *           "error_code": null,
                     *           "is_public": false,
                     *           "charged": true,
                     *           "created_at": "2026-11-24T09:00:00.123456Z",
                     *           "updated_at": "2026-11-24T09:00:07.654321Z",
                     *           "completed_at": "2026-11-24T09:00:07.654321Z"
                     *         }
                     *       ],
                     *       "total": 1,
                     *       "page": 1,
                     *       "page_size": 20,
                     *       "per_page": 20,
                     *       "next_cursor": null
                     *     }
                     */
                    "application/json": components["schemas"]["GenerationList"];
                };
            };
        };
    };
    "generations.usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The figures. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "plan": "free",
                     *       "month": "2026-11-01",
                     *       "used": 42,
                     *       "limit": 100,
                     *       "running": 1,
                     *       "concurrent_limit": 3,
                     *       "sent": 45,
                     *       "sent_limit": 210,
                     *       "canceled": 2,
                     *       "cancel_limit": 10,
                     *       "resets_at": "2026-12-01T00:00:00.000000Z",
                     *       "user": {
                     *         "used_today": 2,
                     *         "day_limit": 3,
                     *         "day_resets_at": "2026-11-25T00:00:00.000000Z",
                     *         "used_this_month": 11,
                     *         "month_limit": 30,
                     *         "running": 1,
                     *         "concurrent_limit": 1
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["GenerationUsage"];
                };
            };
        };
    };
    "models.list": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The models. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "models": [
                     *         {
                     *           "id": "google/nano-banana",
                     *           "default_for": [
                     *             "pictures"
                     *           ],
                     *           "max_images": 5,
                     *           "options": {
                     *             "aspect_ratio": {
                     *               "type": "string",
                     *               "enum": [
                     *                 "1:1",
                     *                 "16:9"
                     *               ]
                     *             }
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Models"];
                };
            };
        };
    };
    "generations.get": {
        parameters: {
            query?: {
                /** @description Seconds to wait for a final state before answering. */
                wait?: number;
            };
            header?: never;
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The generation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "status": "completed",
                     *       "instructions": "Turn this photo into a watercolour",
                     *       "model": "google/nano-banana",
                     *       "generated_image_url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *       "images": [
                     *         {
                     *           "url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *           "content_type": "image/png",
                     *           "width": 1024,
                     *           "height": 683
                     *         }
                     *       ],
                     *       "example_images": [
                     *         "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *       ],
                     *       "error": null,
                     *       "error_code": null,
                     *       "is_public": false,
                     *       "charged": true,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:07.654321Z",
                     *       "completed_at": "2026-11-24T09:00:07.654321Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Generation"];
                };
            };
        };
    };
    "generations.stream": {
        parameters: {
            query?: never;
            header?: {
                /** @description The id of the last event that arrived. One that was never given out begins anew. */
                "last-event-id"?: string;
            };
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The events, as they happen. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "event": "status",
                     *       "id": "2",
                     *       "data": {
                     *         "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *         "status": "completed",
                     *         "instructions": "Turn this photo into a watercolour",
                     *         "model": "google/nano-banana",
                     *         "generated_image_url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *         "images": [
                     *           {
                     *             "url": "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1",
                     *             "content_type": "image/png",
                     *             "width": 1024,
                     *             "height": 683
                     *           }
                     *         ],
                     *         "example_images": [
                     *           "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *         ],
                     *         "error": null,
                     *         "error_code": null,
                     *         "is_public": false,
                     *         "charged": true,
                     *         "created_at": "2026-11-24T09:00:00.123456Z",
                     *         "updated_at": "2026-11-24T09:00:07.654321Z",
                     *         "completed_at": "2026-11-24T09:00:07.654321Z"
                     *       }
                     *     }
                     */
                    "text/event-stream": components["schemas"]["GenerationEvent"];
                };
            };
            /** @description `Last-Event-ID` is that of the final state: there is nothing more to come. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "generations.setPublic": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "is_public": true
                 *     }
                 */
                "application/json": components["schemas"]["GenerationPublicRequest"];
                /**
                 * @example {
                 *       "is_public": true
                 *     }
                 */
                "application/x-www-form-urlencoded": components["schemas"]["GenerationPublicRequest"];
            };
        };
        responses: {
            /** @description As it is now. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "is_public": true,
                     *       "message": "The picture is public now"
                     *     }
                     */
                    "application/json": components["schemas"]["GenerationPublic"];
                };
            };
        };
    };
    "generations.cancel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Canceled. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07",
                     *       "status": "canceled",
                     *       "instructions": "Turn this photo into a watercolour",
                     *       "model": "google/nano-banana",
                     *       "generated_image_url": null,
                     *       "images": [],
                     *       "example_images": [
                     *         "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
                     *       ],
                     *       "error": null,
                     *       "error_code": null,
                     *       "is_public": false,
                     *       "charged": false,
                     *       "created_at": "2026-11-24T09:00:00.123456Z",
                     *       "updated_at": "2026-11-24T09:00:07.654321Z",
                     *       "completed_at": "2026-11-24T09:00:07.654321Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Generation"];
                };
            };
        };
    };
    "generations.delete": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "Generation deleted successfully"
                     *     }
                     */
                    "application/json": components["schemas"]["GenerationDeleted"];
                };
            };
        };
    };
    "generations.image": {
        parameters: {
            query?: {
                /** @description Which picture, from 0. */
                index?: number;
                /** @description Part of the addresses that the API gives. */
                ticket?: string;
            };
            header?: never;
            path: {
                /** @description The generation. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description To a short-lived address of the picture. */
            302: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "generations.exampleImage": {
        parameters: {
            query?: {
                /** @description Part of the addresses that the API gives. */
                ticket?: string;
            };
            header?: never;
            path: {
                /** @description The generation. */
                generation_id: string;
                /** @description Which picture, from 0. */
                index: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description To a short-lived address of the picture. */
            302: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    "payments.mySubscription": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description There is none. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /** @example null */
                    "application/json": null;
                };
            };
        };
    };
    "payments.myPayments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description There are none. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "payments": [],
                     *       "total": 0,
                     *       "page": 1,
                     *       "page_size": 50
                     *     }
                     */
                    "application/json": components["schemas"]["Payments"];
                };
            };
        };
    };
    "payments.other": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Whatever is asked for. */
                action: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: never;
    };
    "webhooks.replicate": {
        parameters: {
            query: {
                /** @description Part of the address that Replicate was given. */
                generation_id: string;
            };
            header: {
                /** @description The delivery; a second one with it changes nothing. */
                "webhook-id": string;
                /** @description Seconds since 1970, when it was signed. */
                "webhook-timestamp": string;
                /** @description `v1,` and the HMAC of id, time and body. */
                "webhook-signature": string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "id": "gm3qorzdhgbfurvjtvhg6dckhu",
                 *       "status": "succeeded"
                 *     }
                 */
                "application/json": components["schemas"]["ReplicatePrediction"];
            };
        };
        responses: {
            /** @description Taken, or seen before. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "received": true
                     *     }
                     */
                    "application/json": components["schemas"]["WebhookReceived"];
                };
            };
        };
    };
}
