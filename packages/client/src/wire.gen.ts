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
         * @description For load balancers and start-up checks. It checks no part behind the API.
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
         * Check the API and its parts
         * @description Checks every part. Responds within one second, also when a part is down.
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
         * @description Checks one part within one second. Returns 503 if the part is configured and does not respond.
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
         * @description Checks one part within one second. Returns 503 if the part is configured and does not respond.
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
         * @description Checks one part within one second. Returns 503 if the part is configured and does not respond.
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
         * @description Only operators see versions, pool, queue, jobs, mail and settings.
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
         * Get metrics for Prometheus
         * @description Requests of all instances by route and status, with their durations. Also open generations, mail, jobs and connections. Scrape it with the header X-Operator-Key, at most every 15 seconds.
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
         * @description With `X-Operator-Key` it creates a developer with a first project, a developer key and an API key. With `X-Developer-Key` and `X-Project-ID` it creates an end user of that project. If the response has no tokens, read `needs_verification`. True: the address must be verified before the first login. False: the account exists but the sign-in failed; log in.
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
         * @description Send the refresh token in the body or as `Authorization: Bearer`. Two tabs may use the same token within ten seconds. The previous token always works too, in case a response was lost. An older token ends the session.
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
         * @description Returns the account of the access token: an end user, a developer or an operator.
         */
        get: operations["auth.me"];
        put?: never;
        post?: never;
        /**
         * Delete the signed-in account
         * @description Deletes the account, its sessions, keys and generations at once, and its files shortly after. Deletes a developer's projects with all their data, the end users' accounts included. This cannot be undone.
         */
        delete: operations["auth.deleteMe"];
        options?: never;
        head?: never;
        /**
         * Change the signed-in account
         * @description Changes the name. Use `/auth/change-password` for the password and `/auth/change-email` for the email address.
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
         * @description The API refuses the access and refresh tokens of an ended session at once. The body is optional.
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
         * @description Returns a plain array, newest first. A session begins with a sign-in and lasts while it is refreshed, at most seven days.
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
         * @description The API refuses the session's tokens at once. You can end the current session too.
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
         * @description This session continues and all others end. The owner gets a mail.
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
         * @description Both addresses get a mail. The change takes effect when the new address is verified at `POST /auth/verify-email` within a day. Sessions continue. A newer request or a new password cancels this one.
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
         * @description Accepts the token of a verification mail or of a change of address. A token works once, within a day. After five wrong codes, all codes mailed so far are invalid. Returns no tokens: log in after it.
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
         * @description For the page that a link opens: it can say at once that the link was used or has expired. The token stays valid.
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
         * @description For the signed-in account, or without a token for an `email` (end users send `X-Project-ID`) or a `user_id`. The response is the same for unknown and for verified accounts. At most one mail per minute is sent. Links of earlier mails stay valid.
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
         * @description End users send `X-Project-ID`. The response and its duration are the same for unknown accounts. At most one mail per minute is sent. Only the newest link works.
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
         * @description A token works once, within an hour. After a server error you can use it again. All sessions end. Returns no tokens: log in with the new password.
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
         * @description Returns a plain array, newest first, expired and revoked keys included. Compare `key_prefix` to find the key that a program uses.
         */
        get: operations["developerKeys.list"];
        put?: never;
        /**
         * Create a developer key
         * @description A developer has at most ten active keys. The owner gets a mail.
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
         * @description The new key has the name, rights and expiry of the old one. The body is optional.
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
         * @description The API refuses the key at once. A request cannot revoke the key that it sends.
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
         * @description Returns a plain array, newest first. A developer sees their own projects, an operator sees all. `X-Total-Count` has the number of entries on all pages.
         */
        get: operations["projects.list"];
        put?: never;
        /**
         * Create a project
         * @description The caller owns the project. It has no API key yet: create one with `POST /projects/{project_id}/api-keys`.
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
         * @description Newest first. A developer sees the users of their own projects, an operator sees all.
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
         * @description A developer gets the totals of their own projects, an operator those of the platform.
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
         * @description Offers to the caller's email address, newest first. The address must be verified.
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
         * @description A developer gets their own projects, an operator gets all. Any other project is 404.
         */
        get: operations["projects.get"];
        /**
         * Change a project by PUT
         * @description The same as PATCH: absent fields stay unchanged.
         */
        put: operations["projects.replace"];
        post?: never;
        /**
         * Delete a project
         * @description The API refuses its keys and end users at once, hides its pictures and cancels running generations. All data is deleted after seven days, or after PROJECT_PURGE_DAYS. Until then, `POST /projects/{project_id}/restore` restores the project. Keep its id.
         */
        delete: operations["projects.delete"];
        options?: never;
        head?: never;
        /**
         * Change a project
         * @description Absent fields stay unchanged. With `is_active: false` the API refuses its keys and end users; its owner can still manage it.
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
         * @description Deletes the account, its sessions and generations at once, and its files shortly after. This cannot be undone.
         */
        delete: operations["users.delete"];
        options?: never;
        head?: never;
        /**
         * Change an end user
         * @description Setting `is_active` to false ends all sessions of the user at once. After `is_active: true` the user must log in again. The limits replace the project's limits for this user. Absent fields stay unchanged.
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
         * @description Restores a deleted project with all its data, until the deletion of the data begins. A project that is not deleted stays unchanged.
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
         * @description Only for operators.
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
         * @description Returns the plans that the operator lists, and the plans of the caller and the caller's projects. An operator sees all.
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
         * @description The accounts that registered in the project, newest first.
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
         * @description The numbers of end users and API keys. `search` and `is_active` select which ones are counted.
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
         * @description Every change of the project, its keys and its end users, newest first. Entries are kept for 400 days, or for AUDIT_RETENTION_DAYS.
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
         * @description Returns the mail as end users get it, with a link and a code that do not work. Send `mail` to try settings without saving them. No mail is sent.
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
         * @description Sends the previewed mail to the caller's verified email address. At most one mail per minute; after six mails, one per ten minutes.
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
         * @description Visible to the project's owner and to the developer who got the offer.
         */
        get: operations["transfers.get"];
        put?: never;
        /**
         * Offer a project
         * @description Only the signed-in owner can offer a project, with the password. The developer with that address gets a mail and accepts or declines; until then nothing changes. The response is the same if no such developer exists. A newer offer replaces this one.
         */
        post: operations["transfers.offer"];
        /**
         * End an offer
         * @description The project's owner withdraws the offer, or the developer who got it declines it.
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
         * @description The caller becomes the owner of the project; the caller's plan and its limits apply. The caller must be signed in with a verified address. Users and pictures stay. All API keys are revoked, and the old owner's developer keys stop working for it: create new keys. Webhooks are disabled. `site_url`, `verify_url`, `reset_url` and the logo and footer of mails are cleared.
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
         * @description Returns a plain array, newest first, expired and revoked keys included. Compare `key_prefix` to find the key that a program uses.
         */
        get: operations["apiKeys.list"];
        put?: never;
        /**
         * Create an API key
         * @description Only this response contains the key: the API stores its hash. The owner gets a mail.
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
         * @description The new key has the name and expiry of the old one. The old key works for `grace_seconds` more (0 without a body), but never beyond its own expiry. Rotated keys do not count against the plan's limit; a second limit of the same size applies to them.
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
         * @description The API refuses the key at once. A second revocation returns 400 `api_key_already_revoked`.
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
         * @description One entry per UTC day, oldest first, today last. The counts are updated some seconds late.
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
         * @description Returns a plain array, newest first, without the secrets.
         */
        get: operations["webhooks.list"];
        put?: never;
        /**
         * Create a webhook
         * @description The API sends each new event of the project to the URL at least once. Deliveries are signed as Standard Webhooks defines. A project has at most ten webhooks.
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
         * @description Deletes the webhook, its log and its waiting events.
         */
        delete: operations["webhooks.delete"];
        options?: never;
        head?: never;
        /**
         * Change a webhook
         * @description Absent fields stay unchanged. `is_active: true` sends the events that still wait.
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
         * @description For `grace_seconds` (one day without a body), deliveries are signed with both secrets.
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
         * @description Sends an event of type `test`, signed and repeated like any other event. The list of deliveries shows the result.
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
         * @description Newest first, waiting and failed ones included. Entries are kept for 30 days.
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
         * @description Sends the event again with the same `webhook-id`. A receiver that already processed it can ignore it.
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
         * @description Send multipart with pictures to work from, or JSON without pictures or with `upload_ids`. The response comes at once; the picture is made in the background. With an `Idempotency-Key`, a repeated request returns the same generation for 24 hours, with the header `Idempotent-Replayed: true`. Alias: `/generation/generate`.
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
         * @description A browser uploads pictures directly to the file storage, then sends their ids as `upload_ids` of a new generation. JPEG, PNG or WebP, at most 10 MB each. The content is checked when a generation uses it. Each upload works for one generation.
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
         * @description A client address has a daily limit. Keep the id: nothing else gives access to the result, which is deleted after a day. Pages of any origin may call it. Alias: `/generation/generate-anonymous`.
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
         * @description Needs no credentials. Alias: `/generation/anonymous-generations/{generation_id}/status`.
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
         * @description The same stream as for a generation with an account. It needs no header, so a browser's EventSource can read it. Alias: `/generation/anonymous-generations/{generation_id}/events`.
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
         * @description Newest first. An end user sees their own generations; the developer and operators see those of all users. Use `page`, or `cursor` for long lists. Alias: `/generation/generations-v2`.
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
         * @description Newest first. Needs no credentials. `X-Project-ID` or `project_id` selects one project. The list never contains the creator or the uploaded pictures. Page numbers reach the first 10,000 pictures; use `cursor` for more. Alias: `/generation/public-generations-v2`.
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
         * @description The generations of all users count against the monthly limit. Failed ones do not count, canceled ones only beyond `cancel_limit`.
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
         * @description Returns the default models and the models that the project's plan allows, with their options.
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
         * @description Returns the status and the result. With `wait`, the response waits for a final status. Alias: `/generation/generations-v2/{generation_id}/status`.
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
         * @description Server-Sent Events: each status once, progress, and the final status, which ends the stream. The API closes a stream after one minute: reconnect with `Last-Event-ID`, as EventSource does. Alias: `/generation/generations-v2/{generation_id}/events`.
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
         * @description A published picture has the URL `/generation/{generation_id}/image`. `is_public: false` disables this URL and every signed URL that was issued before. Send JSON or a form. Alias: `/generation/generations-v2/{generation_id}/public`.
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
         * @description The generation stays in the list as canceled. It stays charged if it was already sent to the provider and the project's `cancel_limit` of the month is reached; see `charged`.
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
         * @description Deletes the generation and its pictures. A running one is canceled first, with the same rule for the charge. Alias: `/generation/generations-v2/{generation_id}`.
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
         * @description Without credentials, the picture must be public or the URL must contain a valid `ticket`.
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
         * @description Uploaded pictures are never public. The caller must be allowed to see the generation, or the URL must contain a valid `ticket`.
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
         * @description Always null: this service sells nothing. Pages of the Starter Kit call this endpoint.
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
         * @description Always an empty page: this service sells nothing. Pages of the Starter Kit call this endpoint.
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
         * Call another payment endpoint
         * @description Always 501, with every method: this service sells nothing.
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
         * @description Only for Replicate. The request must have a valid Standard Webhooks signature that is at most five minutes old.
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
             * @description Always `healthy`: the process responds.
             * @example healthy
             * @enum {string}
             */
            status: "healthy";
            /**
             * @description The version of the API.
             * @example 0.1.0
             */
            version: string;
        };
        Health: {
            /**
             * @description `unhealthy`: the database, Auth or Storage does not respond. `degraded`: an optional part does not respond.
             * @example healthy
             * @enum {string}
             */
            status: "healthy" | "degraded" | "unhealthy";
            /** @description Postgres. Required. */
            database: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Supabase Auth. Required. */
            auth: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description The same as `storage`; the older name. */
            file_storage: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Supabase Storage, which keeps the pictures. Required. */
            storage: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * @description Redis, which counts requests for the limits. Optional: without it Postgres counts them.
             * @example {
             *       "status": "not_configured"
             *     }
             */
            redis: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description The mail provider. Optional: while it is down, mail waits and is sent later. */
            mail: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Replicate. Optional: while it is down, generations wait and are made later. */
            image_provider: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * Format: date-time
             * @description When the check ran.
             * @example 2026-11-24T09:00:00.123456Z
             */
            timestamp: string;
            /**
             * @description The version of the API.
             * @example 0.1.0
             */
            version: string;
        };
        PartHealth: {
            /**
             * @description Whether the part responds.
             * @example healthy
             * @enum {string}
             */
            status: "healthy" | "unhealthy" | "not_configured";
            /**
             * @description Response time in milliseconds.
             * @example 3.2
             */
            latency_ms?: number;
            /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
            error?: string;
            /**
             * Format: date-time
             * @description When the check ran.
             * @example 2026-11-24T09:00:00.123456Z
             */
            timestamp: string;
        };
        DetailedHealth: {
            /**
             * @description `unhealthy`: the database, Auth or Storage does not respond. `degraded`: an optional part does not respond.
             * @example healthy
             * @enum {string}
             */
            status: "healthy" | "degraded" | "unhealthy";
            /** @description Postgres. Required. */
            database: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Supabase Auth. Required. */
            auth: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description The same as `storage`; the older name. */
            file_storage: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Supabase Storage, which keeps the pictures. Required. */
            storage: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * @description Redis, which counts requests for the limits. Optional: without it Postgres counts them.
             * @example {
             *       "status": "not_configured"
             *     }
             */
            redis: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description The mail provider. Optional: while it is down, mail waits and is sent later. */
            mail: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /** @description Replicate. Optional: while it is down, generations wait and are made later. */
            image_provider: {
                /**
                 * @description Whether the part responds.
                 * @example healthy
                 * @enum {string}
                 */
                status: "healthy" | "unhealthy" | "not_configured";
                /**
                 * @description Response time in milliseconds.
                 * @example 3.2
                 */
                latency_ms?: number;
                /** @description The class of the error: a code of this API, `timeout` or `unreachable`. */
                error?: string;
            };
            /**
             * Format: date-time
             * @description When the check ran.
             * @example 2026-11-24T09:00:00.123456Z
             */
            timestamp: string;
            /**
             * @description The version of the API.
             * @example 0.1.0
             */
            version: string;
            /**
             * @description The last failure of each part that this instance saw. It stays here after the part recovers.
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
                     * @description When the failure happened.
                     * @example 2026-11-24T09:00:00.123456Z
                     */
                    at: string;
                };
            };
            /** @description For operators only. */
            service?: {
                /**
                 * @description The JavaScript runtime and its version.
                 * @example Deno/2.9.6
                 */
                runtime: string;
                /**
                 * @description The version of the database server.
                 * @example 17.6
                 */
                database_version: string;
                /** @description The migrations of the database schema. */
                migrations: {
                    /**
                     * @description Number of migrations that are applied in the database.
                     * @example 42
                     */
                    applied: number;
                    /**
                     * @description Number of migrations in this version of the API.
                     * @example 42
                     */
                    expected: number;
                    /**
                     * @description Migrations of this version that are not applied.
                     * @example []
                     */
                    missing: string[];
                    /**
                     * @description Migrations in the database that this version does not have: a newer version applied them.
                     * @example []
                     */
                    unknown: string[];
                };
                /** @description The connection pool of the instance that responds. */
                pool: {
                    /**
                     * @description The maximum number of connections of this instance.
                     * @example 3
                     */
                    size: number;
                    /**
                     * @description Connections that run a statement now.
                     * @example 1
                     */
                    in_use: number;
                    /**
                     * @description Statements that wait for a connection.
                     * @example 0
                     */
                    waiting: number;
                };
                /** @description The connections of the whole database server. */
                connections: {
                    /**
                     * @description The maximum number of connections that the server allows.
                     * @example 60
                     */
                    max: number;
                    /**
                     * @description All open connections.
                     * @example 14
                     */
                    used: number;
                    /**
                     * @description Open connections of all instances of the API.
                     * @example 6
                     */
                    api: number;
                    /**
                     * @description Connections of the API that are not idle.
                     * @example 1
                     */
                    api_active: number;
                };
                /** @description The queue of generations. */
                queue: {
                    /** @description Generations that Replicate has not accepted yet. */
                    pending: {
                        /**
                         * @description The number of entries.
                         * @example 2
                         */
                        count: number;
                        /**
                         * @description Entries that were due for a check more than three minutes ago.
                         * @example 0
                         */
                        overdue: number;
                        /**
                         * @description Age of the oldest entry in seconds.
                         * @example 12
                         */
                        oldest_seconds: number;
                    };
                    /** @description Generations that Replicate makes, or whose result is being stored. */
                    processing: {
                        /**
                         * @description The number of entries.
                         * @example 2
                         */
                        count: number;
                        /**
                         * @description Entries that were due for a check more than three minutes ago.
                         * @example 0
                         */
                        overdue: number;
                        /**
                         * @description Age of the oldest entry in seconds.
                         * @example 12
                         */
                        oldest_seconds: number;
                    };
                    /** @description How the generations ended that finished in the last hour. */
                    ended_last_hour: {
                        /**
                         * @description Generations that ended with a picture.
                         * @example 120
                         */
                        completed: number;
                        /**
                         * @description Generations that ended without a picture.
                         * @example 1
                         */
                        failed: number;
                        /**
                         * @description Generations that their owners canceled.
                         * @example 2
                         */
                        canceled: number;
                    };
                };
                /** @description Periodic jobs that finish the work that requests and webhooks left unfinished. */
                reconciler: {
                    /**
                     * @description `late`: it did not run for three minutes. `failing`: a job's last run failed.
                     * @example healthy
                     * @enum {string}
                     */
                    status: "healthy" | "failing" | "late" | "never_ran";
                    /**
                     * Format: date-time
                     * @description When a job last ran.
                     * @example 2026-11-24T09:00:00.123456Z
                     */
                    last_run_at: string | null;
                    /**
                     * @description The last run of each job, by the job's name.
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
                             * @description When the run ended.
                             * @example 2026-11-24T09:00:00.123456Z
                             */
                            ran_at: string;
                            /**
                             * @description Number of entries that the run checked.
                             * @example 3
                             */
                            checked: number;
                            /**
                             * @description Number of those entries that failed.
                             * @example 0
                             */
                            failed: number;
                            /**
                             * Format: date-time
                             * @description When the first of the current consecutive failures happened.
                             * @example 2026-11-24T09:00:00.123456Z
                             */
                            failing_since: string | null;
                        };
                    };
                };
                /** @description Mail that is not sent yet. */
                mail_outbox: {
                    /**
                     * @description The number of entries.
                     * @example 0
                     */
                    waiting: number;
                    /**
                     * @description Age of the oldest entry in seconds.
                     * @example 0
                     */
                    oldest_seconds: number;
                    /**
                     * @description Mails whose last attempt failed.
                     * @example 0
                     */
                    failing: number;
                };
                /** @description Files and predictions that wait for their deletion. */
                cleanup: {
                    /**
                     * @description The number of entries.
                     * @example 0
                     */
                    waiting: number;
                    /**
                     * @description Age of the oldest entry in seconds.
                     * @example 0
                     */
                    oldest_seconds: number;
                };
                /**
                 * @description Whether Replicate accepts the token. Absent when no token is set.
                 * @example accepted
                 * @enum {string}
                 */
                replicate_token?: "accepted" | "refused" | "unknown";
                /**
                 * @description The settings of this instance. For a secret it says only whether it is set.
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
             * @description A sentence that you may show to a person.
             * @example Project not found.
             */
            detail: string;
            /**
             * @description The error code. It never changes, so programs can branch on it.
             * @example project_not_found
             */
            code: string;
            /**
             * @description The same as in the header X-Request-Id.
             * @example 3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09
             */
            request_id: string;
            /**
             * @description The page that explains this code. Present when the operator has published the guides.
             * @example https://docs.example.com/errors.html#project_not_found
             */
            doc_url?: string;
            /** @description The invalid fields. Present only with status 422. */
            errors?: {
                /**
                 * @description `body`, `query`, `path` or `header`, then the path to the field.
                 * @example [
                 *       "body",
                 *       "name"
                 *     ]
                 */
                loc: (string | number)[];
                /**
                 * @description What is wrong with the field.
                 * @example Required
                 */
                msg: string;
                /**
                 * @description The kind of mistake. Programs can branch on it.
                 * @example invalid_type
                 */
                type: string;
            }[];
            /** @description Seconds to wait; also in the header Retry-After. */
            retry_after?: number;
        };
        RegisteredUser: components["schemas"]["User"] & {
            /** @description Only for developers. Store the keys: no other response contains them. */
            provisioning: {
                /**
                 * Format: uuid
                 * @description The developer's first project.
                 * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
                 */
                project_id: string;
                /**
                 * @description Identifies the developer in `X-Developer-Key`.
                 * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
                 */
                developer_key: string;
                /**
                 * @description Identifies the project in `X-API-Key`.
                 * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
                 */
                api_key: string;
            } | null;
            /**
             * @description True: the email address must be verified before the first login. False without tokens: log in.
             * @example false
             */
            needs_verification: boolean;
            /**
             * @description A JWT for `Authorization: Bearer`. It is valid for 30 minutes, or until its session ends.
             * @example eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl
             */
            access_token: string | null;
            /**
             * @description Works once, at `POST /auth/refresh`. The session lasts at most seven days.
             * @example v1NxP0aZq7Kd
             */
            refresh_token: string | null;
            /**
             * @description The authentication scheme for the access token.
             * @example bearer
             * @enum {string}
             */
            token_type: "bearer";
        };
        User: {
            /**
             * Format: uuid
             * @description The account's id.
             * @example 9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03
             */
            id: string;
            /**
             * @description The account's email address.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description The person's name.
             * @example Ada Lovelace
             */
            full_name: string | null;
            /**
             * @description An operator runs the platform, a developer runs projects, an end user uses an app.
             * @example end_user
             * @enum {string}
             */
            role: "platform_operator" | "developer" | "end_user";
            /**
             * @description False: the account is deactivated and cannot sign in.
             * @example true
             */
            is_active: boolean;
            /**
             * @description Whether the email address was verified.
             * @example false
             */
            is_verified: boolean;
            /**
             * Format: date-time
             * @description When the account was registered.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: uuid
             * @description The project of an end user. Null for developers and operators.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            project_id: string | null;
        };
        RegisterRequest: {
            /**
             * Format: idn-email
             * @description One plain email address of at most 254 bytes. Case does not matter. A domain in Unicode equals the same domain in punycode.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description At least 8 characters with a lower-case letter, an upper-case letter and a digit; at most 72 bytes of UTF-8 in NFC. Spaces count.
             * @example Correct-horse-9
             */
            password: string;
            /**
             * @description The person's name.
             * @example Ada Lovelace
             */
            full_name?: string | null;
        };
        Tokens: {
            /**
             * @description A JWT for `Authorization: Bearer`. It is valid for 30 minutes, or until its session ends.
             * @example eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl
             */
            access_token: string;
            /**
             * @description Works once, at `POST /auth/refresh`. The session lasts at most seven days.
             * @example v1NxP0aZq7Kd
             */
            refresh_token: string;
            /**
             * @description The authentication scheme for the access token.
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
             * @description One plain email address of at most 254 bytes. Case does not matter. A domain in Unicode equals the same domain in punycode.
             * @example ada@example.com
             */
            email: string;
            /**
             * @description The account's current password.
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
             * @description The person's name.
             * @example Ada Lovelace
             */
            full_name?: string | null;
        };
        DeleteMeRequest: {
            /**
             * @description The account's current password.
             * @example Correct-horse-9
             */
            password: string;
        };
        LogoutRequest: {
            /**
             * @description `local` ends this session, `others` all sessions but this one, `global` all sessions.
             * @default local
             * @example local
             * @enum {string}
             */
            scope?: "local" | "others" | "global";
        };
        Session: {
            /**
             * Format: uuid
             * @description The session's id.
             * @example 2a8d6f4c-5b71-4e93-a0c4-7f1e3d5b9c04
             */
            id: string;
            /**
             * @description The user agent of the last sign-in or refresh.
             * @example Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0
             */
            device: string | null;
            /**
             * @description The IP address of the last sign-in or refresh.
             * @example 203.0.113.7
             */
            ip: string | null;
            /**
             * Format: date-time
             * @description When the session began.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When the last sign-in or refresh happened.
             * @example 2026-11-24T10:30:00.123456Z
             */
            last_seen_at: string;
            /**
             * Format: date-time
             * @description When the session ends: at most seven days after it began.
             * @example 2026-12-01T09:00:00.123456Z
             */
            expires_at: string;
            /**
             * @description Whether this request belongs to the session.
             * @example true
             */
            current: boolean;
        };
        Message: {
            /**
             * @description A sentence that you may show to a person.
             * @example If the account exists and is not verified, we are sending a mail to it.
             */
            message: string;
        };
        ChangePasswordRequest: {
            /**
             * @description The account's current password.
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
             * @description The account's current password.
             * @example Correct-horse-9
             */
            password: string;
            /**
             * Format: idn-email
             * @description One plain email address of at most 254 bytes. Case does not matter. A domain in Unicode equals the same domain in punycode.
             * @example ada@example.org
             */
            new_email: string;
        };
        VerifiedEmail: {
            /**
             * @description A sentence that you may show to a person.
             * @example The address was verified.
             */
            message: string;
            /**
             * @description The verified email address.
             * @example ada@example.com
             */
            email: string;
        };
        VerifyEmailRequest: {
            /**
             * @description The part of the mail's link after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters do not matter.
             * @example 4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02
             */
            token: string;
        } | {
            /**
             * Format: uuid
             * @description The account whose address is verified.
             * @example 9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03
             */
            user_id: string;
            /**
             * @description The code of eight digits in the mail, or the token of its link.
             * @example 4829 1357
             */
            verification_token: string | number;
        };
        CheckedMailToken: {
            /**
             * @description Send a `password_reset` token to `POST /auth/reset-password`, any other to `POST /auth/verify-email`.
             * @example verification
             * @enum {string}
             */
            purpose: "verification" | "password_reset" | "email_change";
            /**
             * @description `used`: this token or another one was already used. `expired`: request a new mail.
             * @example valid
             * @enum {string}
             */
            state: "valid" | "used" | "expired";
            /**
             * Format: date-time
             * @description When the token expires.
             * @example 2026-11-24T09:00:00.123456Z
             */
            expires_at: string;
            /** @description The project of the account. Null for developers and operators. */
            project: {
                /**
                 * Format: uuid
                 * @description The project of the account.
                 * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
                 */
                id: string;
                /**
                 * @description The app's name in the project's mail.
                 * @example Postcards
                 */
                name: string;
                /**
                 * @description The URL of the app.
                 * @example https://app.example.com
                 */
                site_url: string | null;
                /**
                 * @description The language of the project's mail.
                 * @example de
                 * @enum {string}
                 */
                language: "en" | "de" | "fr" | "es" | "pt" | "ja";
                /**
                 * @description The color of buttons.
                 * @example #2563eb
                 */
                accent_color: string | null;
                /**
                 * @description A text color that is readable on `accent_color`.
                 * @example #ffffff
                 * @enum {string|null}
                 */
                accent_text_color: "#000000" | "#ffffff" | null;
            } | null;
        };
        CheckMailTokenRequest: {
            /**
             * @description The part of the mail's link after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters do not matter.
             * @example 4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02
             */
            token: string;
        };
        VerificationRequest: {
            /**
             * Format: uuid
             * @description The account whose address is to be verified. For requests without an access token.
             * @example 9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03
             */
            user_id?: string;
            /**
             * Format: idn-email
             * @description One plain email address of at most 254 bytes. Case does not matter. A domain in Unicode equals the same domain in punycode.
             * @example ada@example.com
             */
            email?: string;
        };
        PasswordResetRequest: {
            /**
             * Format: idn-email
             * @description One plain email address of at most 254 bytes. Case does not matter. A domain in Unicode equals the same domain in punycode.
             * @example ada@example.com
             */
            email: string;
        };
        ResetPasswordRequest: {
            /**
             * @description The part of the mail's link after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters do not matter.
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
             * @description The key's id. It is not secret.
             * @example 6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05
             */
            id: string;
            /**
             * @description A name that tells the key from others in the list.
             * @example Web app
             */
            name: string | null;
            /**
             * @description The first eight characters of the key.
             * @example ak_Qx3vT
             */
            key_prefix: string;
            /**
             * @description Whether the API accepts the key.
             * @example true
             */
            is_active: boolean;
            /**
             * Format: date-time
             * @description When the key was last used. The value is updated some seconds late.
             * @example 2026-11-24T09:00:00.123456Z
             */
            last_used_at: string | null;
            /**
             * Format: date-time
             * @description When the key expires.
             * @example 2027-11-24T09:00:00.000000Z
             */
            expires_at: string | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * @description Whether the key manages projects without an access token.
             * @example false
             */
            management: boolean;
        };
        CreatedDeveloperKey: components["schemas"]["DeveloperKey"] & {
            /**
             * @description The whole key. Store it: no other response contains it.
             * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
             */
            key: string;
        };
        DeveloperKeyCreateRequest: {
            /**
             * @description A name that tells the key from others in the list.
             * @example Web app
             */
            name?: string | null;
            /**
             * Format: date-time
             * @description When the key expires. Null: never.
             * @example 2027-11-24T09:00:00Z
             */
            expires_at?: string | null;
            /**
             * @description Whether the key manages projects without an access token. Only for servers: the API refuses it on requests from browsers.
             * @default false
             * @example false
             */
            management?: boolean;
        };
        DeveloperKeyRotateRequest: {
            /**
             * @description For how many seconds the old key still works, at most until its own expiry.
             * @default 0
             * @example 86400
             */
            grace_seconds?: number;
        };
        Project: {
            /**
             * Format: uuid
             * @description The project's id. Send it as `X-Project-ID`.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            id: string;
            /**
             * Format: uuid
             * @description The developer who owns the project.
             * @example 0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01
             */
            owner_id: string;
            /**
             * @description The project's name. Mail shows it too.
             * @example Postcards
             */
            name: string;
            /**
             * @description A note for the people who run the project.
             * @example Photos become postcards.
             */
            description: string | null;
            /**
             * @description False: the API refuses its keys and end users.
             * @example true
             */
            is_active: boolean;
            /**
             * @description True: an operator suspended the project, and only an operator can end that.
             * @example false
             */
            is_suspended: boolean;
            /**
             * @description `required`: an end user gets tokens only after the address is verified. `optional`, the default: registration returns tokens at once.
             * @example optional
             * @enum {string}
             */
            email_verification: "optional" | "required";
            /**
             * @description Origins of web pages that may call the API for this project. `*` allows every origin, `https://*.example.com` every subdomain. An empty list allows none.
             * @example [
             *       "https://app.example.com"
             *     ]
             */
            allowed_origins: string[];
            /**
             * @description The URL of the app. Mails and the API's pages link to it.
             * @example https://app.example.com
             */
            site_url: string | null;
            /**
             * @description The app's page that verification links open, with `?token=` and `user_id=`. Null: a page of the API.
             * @example https://app.example.com/verify-email
             */
            verify_url: string | null;
            /**
             * @description The app's page that password reset links open, with `?token=`. Null: a page of the API.
             * @example https://app.example.com/reset-password
             */
            reset_url: string | null;
            /**
             * @description Charged generations of one end user per UTC day. Null: only the plan's limit applies.
             * @example 3
             */
            user_generations_per_day: number | null;
            /**
             * @description Charged generations of one end user per UTC month. Null: only the plan's limit applies.
             * @example 30
             */
            user_generations_per_month: number | null;
            /**
             * @description Generations of one end user that may run at once. Null: only the plan's limit applies.
             * @example 1
             */
            user_concurrent: number | null;
            mail: components["schemas"]["MailSettings"];
            /**
             * @description The plan that an operator set for this project. Null: the owner's plan applies.
             * @example starter
             */
            plan_id: string | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When it was last changed.
             * @example 2026-11-24T09:00:00.123456Z
             */
            updated_at: string;
            /**
             * Format: date-time
             * @description When the project was deleted. Only in the list of deleted projects.
             */
            deleted_at?: string;
            /**
             * Format: date-time
             * @description Until then the deleted project can be restored. Null: without a time limit.
             */
            removed_after?: string | null;
        };
        /** @description How the project's mail looks. */
        MailSettings: {
            /**
             * @description The sender's name, and the app's name in mails and on the API's pages. Null: the project's name. The sender's address is always the platform's.
             * @example Postcards
             */
            sender_name: string | null;
            /**
             * @description The https URL of a picture for the top of each mail. It is shown 40 pixels high.
             * @example https://app.example.com/logo.png
             */
            logo_url: string | null;
            /**
             * @description The color of buttons, as `#rrggbb`. Their text is black or white, whichever is easier to read.
             * @example #2563eb
             */
            accent_color: string | null;
            /**
             * @description The language of mails and of the API's pages. Null: English.
             * @example de
             * @enum {string}
             */
            language: "en" | "de" | "fr" | "es" | "pt" | "ja";
            /**
             * @description The text at the end of each mail. URLs in it must begin with `https://` and become links.
             * @example Postcards Ltd, 1 Pier Road, Brighton
             *     https://app.example.com/imprint
             */
            footer: string | null;
        };
        ProjectCreateRequest: {
            /**
             * @description The project's name. Mail shows it too.
             * @example Postcards
             */
            name: string;
            /**
             * @description A note for the people who run the project.
             * @example Photos become postcards.
             */
            description?: string | null;
            /**
             * @description `required`: an end user gets tokens only after the address is verified. `optional`, the default: registration returns tokens at once.
             * @example optional
             * @enum {string}
             */
            email_verification?: "optional" | "required";
            /**
             * @description Origins of web pages that may call the API for this project. `*` allows every origin, `https://*.example.com` every subdomain. An empty list allows none.
             * @example [
             *       "https://app.example.com",
             *       "https://*.example.com"
             *     ]
             */
            allowed_origins?: string[];
            /**
             * Format: uri
             * @description The URL of the app. Mails and the API's pages link to it.
             * @example https://app.example.com
             */
            site_url?: string | null;
            /**
             * Format: uri
             * @description The app's page that verification links open, with `?token=` and `user_id=`. Null: a page of the API.
             * @example https://app.example.com/verify-email
             */
            verify_url?: string | null;
            /**
             * Format: uri
             * @description The app's page that password reset links open, with `?token=`. Null: a page of the API.
             * @example https://app.example.com/reset-password
             */
            reset_url?: string | null;
            /**
             * @description Charged generations of one end user per UTC day. Null: only the plan's limit applies.
             * @example 3
             */
            user_generations_per_day?: number | null;
            /**
             * @description Charged generations of one end user per UTC month. Null: only the plan's limit applies.
             * @example 30
             */
            user_generations_per_month?: number | null;
            /**
             * @description Generations of one end user that may run at once. Null: only the plan's limit applies.
             * @example 1
             */
            user_concurrent?: number | null;
            mail?: components["schemas"]["MailSettingsUpdate"];
        };
        /** @description How the project's mail looks. Absent fields stay unchanged. */
        MailSettingsUpdate: {
            /**
             * @description The sender's name, and the app's name in mails and on the API's pages. Null: the project's name. The sender's address is always the platform's.
             * @example Postcards
             */
            sender_name?: string | null;
            /**
             * Format: uri
             * @description The https URL of a picture for the top of each mail. It is shown 40 pixels high.
             * @example https://app.example.com/logo.png
             */
            logo_url?: string | null;
            /**
             * @description The color of buttons, as `#rrggbb`. Their text is black or white, whichever is easier to read.
             * @example #2563eb
             */
            accent_color?: string | null;
            /**
             * @description The language of mails and of the API's pages. Null: English.
             * @example de
             * @enum {string|null}
             */
            language?: "en" | "de" | "fr" | "es" | "pt" | "ja" | null;
            /**
             * @description The text at the end of each mail. URLs in it must begin with `https://` and become links.
             * @example Postcards Ltd, 1 Pier Road, Brighton
             *     https://app.example.com/imprint
             */
            footer?: string | null;
        };
        ProjectUsers: {
            /** @description The entries of this page. */
            users: components["schemas"]["ProjectUser"][];
            /**
             * @description The number of entries on all pages.
             * @example 1
             */
            total: number;
            /**
             * @description The number of this page.
             * @example 1
             */
            page: number;
            /**
             * @description The maximum number of entries per page.
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
             * @description The project's name. Mail shows it too.
             * @example Postcards
             */
            project_name: string;
            /**
             * @description This user's limit, instead of the project's `user_generations_per_day`. Null: the project's limit applies.
             * @example 10
             */
            generations_per_day: number | null;
            /**
             * @description This user's limit, instead of the project's `user_generations_per_month`. Null: the project's limit applies.
             * @example 100
             */
            generations_per_month: number | null;
            /**
             * @description This user's limit, instead of the project's `user_concurrent`. Null: the project's limit applies.
             * @example 2
             */
            concurrent_generations: number | null;
        };
        GlobalStats: components["schemas"]["ProjectStats"] & {
            projects: components["schemas"]["CountStats"] & unknown;
        };
        /** @description The number of end users. */
        CountStats: {
            /**
             * @description The number of all entries.
             * @example 12
             */
            total: number;
            /**
             * @description The number of active entries.
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
             * @description The offered project.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            project_id: string;
            /**
             * @description The name of the project.
             * @example Postcards
             */
            project_name: string;
            /**
             * @description The email address of the developer who gets the offer.
             * @example grace@example.com
             */
            email: string;
            /**
             * @description The email address of the current owner.
             * @example ada@example.com
             */
            owner_email: string;
            /**
             * Format: date-time
             * @description When the offer was made.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When the offer expires: seven days after it was made.
             * @example 2026-12-01T09:00:00.123456Z
             */
            expires_at: string;
        };
        ProjectUpdateRequest: {
            /**
             * @description The project's name. Mail shows it too.
             * @example Postcards
             */
            name?: string | null;
            /**
             * @description A note for the people who run the project.
             * @example Photos become postcards.
             */
            description?: string | null;
            /**
             * @description `required`: an end user gets tokens only after the address is verified. `optional`, the default: registration returns tokens at once.
             * @example optional
             * @enum {string}
             */
            email_verification?: "optional" | "required";
            /**
             * @description Origins of web pages that may call the API for this project. `*` allows every origin, `https://*.example.com` every subdomain. An empty list allows none.
             * @example [
             *       "https://app.example.com",
             *       "https://*.example.com"
             *     ]
             */
            allowed_origins?: string[];
            /**
             * Format: uri
             * @description The URL of the app. Mails and the API's pages link to it.
             * @example https://app.example.com
             */
            site_url?: string | null;
            /**
             * Format: uri
             * @description The app's page that verification links open, with `?token=` and `user_id=`. Null: a page of the API.
             * @example https://app.example.com/verify-email
             */
            verify_url?: string | null;
            /**
             * Format: uri
             * @description The app's page that password reset links open, with `?token=`. Null: a page of the API.
             * @example https://app.example.com/reset-password
             */
            reset_url?: string | null;
            /**
             * @description Charged generations of one end user per UTC day. Null: only the plan's limit applies.
             * @example 3
             */
            user_generations_per_day?: number | null;
            /**
             * @description Charged generations of one end user per UTC month. Null: only the plan's limit applies.
             * @example 30
             */
            user_generations_per_month?: number | null;
            /**
             * @description Generations of one end user that may run at once. Null: only the plan's limit applies.
             * @example 1
             */
            user_concurrent?: number | null;
            mail?: components["schemas"]["MailSettingsUpdate"];
            /**
             * @description False: the API refuses its keys and end users.
             * @example true
             */
            is_active?: boolean;
        };
        ProjectPlanRequest: {
            /**
             * @description The plan for this project. Null: the owner's plan applies again.
             * @example premium
             */
            plan_id: string | null;
        };
        Plans: {
            /** @description The plans, the smallest first. */
            plans: components["schemas"]["Plan"][];
        };
        Plan: {
            /**
             * @description The plan's id.
             * @example starter
             */
            id: string;
            /**
             * @description Whether new developers get this plan.
             * @example false
             */
            is_default: boolean;
            /**
             * @description Whether the caller has this plan.
             * @example true
             */
            is_current: boolean;
            /**
             * @description Charged generations of a project per UTC month. Null: no limit.
             * @example 1000
             */
            generations_per_month: number | null;
            /**
             * @description Generations of a project that may run at once. Null: no limit.
             * @example 3
             */
            concurrent_generations: number | null;
            /**
             * @description Projects that a developer may have. Null: no limit.
             * @example 20
             */
            projects: number | null;
            /**
             * @description Active API keys that a project may have. Null: no limit.
             * @example 10
             */
            api_keys_per_project: number | null;
            /**
             * @description Requests per UTC day. Null: no limit.
             * @example 10000
             */
            requests_per_day: number | null;
            /**
             * @description Status polls and other reads per minute. Null: no limit.
             * @example 1200
             */
            reads_per_minute: number | null;
            /**
             * @description Logins and registrations of one client address per hour. Null: no limit.
             * @example 500
             */
            auth_calls_per_hour: number | null;
            /**
             * @description Models that a request may name, in addition to the defaults.
             * @example [
             *       "google/nano-banana"
             *     ]
             */
            models: string[];
        };
        ProjectUserUpdateRequest: {
            /**
             * @description False deactivates the account, true activates it again.
             * @example false
             */
            is_active?: boolean;
            /**
             * @description This user's limit, instead of the project's `user_generations_per_day`. Null: the project's limit applies.
             * @example 10
             */
            generations_per_day?: number | null;
            /**
             * @description This user's limit, instead of the project's `user_generations_per_month`. Null: the project's limit applies.
             * @example 100
             */
            generations_per_month?: number | null;
            /**
             * @description This user's limit, instead of the project's `user_concurrent`. Null: the project's limit applies.
             * @example 2
             */
            concurrent_generations?: number | null;
        };
        AuditEvents: {
            /** @description The entries of this page. */
            events: components["schemas"]["AuditEvent"][];
            /**
             * @description The number of entries on all pages.
             * @example 1
             */
            total: number;
            /**
             * @description The number of this page.
             * @example 1
             */
            page: number;
            /**
             * @description The maximum number of entries per page.
             * @example 50
             */
            page_size: number;
        };
        AuditEvent: {
            /**
             * @description The event's id. A later event has a higher id.
             * @example 4711
             */
            id: number;
            /**
             * Format: date-time
             * @description When the change was made.
             * @example 2026-11-24T09:00:00.123456Z
             */
            occurred_at: string;
            /**
             * @description The kind of the changed resource.
             * @example project
             * @enum {string}
             */
            resource: "project" | "user" | "api_key" | "project_transfer" | "webhook";
            /**
             * @description The id of the changed resource.
             * @example 4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02
             */
            resource_id: string;
            /**
             * @description What was done to the resource.
             * @example update
             * @enum {string}
             */
            action: "create" | "update" | "delete";
            /**
             * @description `{column: {old, new}}` for each changed column, `{redacted: true}` for a column with personal data. Empty for a delete.
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
             * @description The account that made the change. Null for a key without an account and for the system.
             * @example 0b6f3c52-6d0e-4a4b-9a55-1d7c0f1a2b01
             */
            actor_id: string | null;
            /**
             * @description The role in which the change was made.
             * @example developer
             * @enum {string}
             */
            actor_role: "platform_operator" | "developer" | "end_user" | "anonymous" | "system";
            /**
             * @description The IP address of the request.
             * @example 203.0.113.7
             */
            ip: string | null;
            /**
             * @description The user agent of the request.
             * @example curl/8.14.1
             */
            user_agent: string | null;
            /**
             * @description The `X-Request-Id` of the request.
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
             * @description The sender's address, which is the platform's.
             * @example no-reply@mail.example.com
             */
            from_address: string;
            /**
             * @description The subject, in the project's language.
             * @example Confirm your address for Postcards
             */
            subject: string;
            /**
             * @description The mail as plain text.
             * @example Confirm your address
             *
             *     An account at Postcards was created with this address. …
             */
            text: string;
            /**
             * @description The mail as a complete HTML page. Show it in an `<iframe sandbox srcdoc>`.
             * @example <!doctype html>
             *     <html lang="en" dir="ltr">…</html>
             */
            html: string;
        };
        MailPreviewRequest: {
            /**
             * @description The kind of the mail.
             * @example verification
             * @enum {string}
             */
            kind: "verification" | "password_reset" | "password_changed" | "email_change" | "email_change_asked" | "email_changed";
            mail?: components["schemas"]["MailSettingsUpdate"] & unknown;
        };
        SentTestMail: {
            /**
             * @description The address that the mail goes to.
             * @example grace@example.com
             */
            email: string;
        };
        MailTestRequest: {
            /**
             * @description The kind of the mail.
             * @example verification
             * @enum {string}
             */
            kind: "verification" | "password_reset" | "password_changed" | "email_change" | "email_change_asked" | "email_changed";
            mail?: components["schemas"]["MailSettingsUpdate"] & unknown;
        };
        ProjectTransferRequest: {
            /**
             * Format: idn-email
             * @description One plain email address of at most 254 bytes. Case does not matter. A domain in Unicode equals the same domain in punycode.
             * @example grace@example.com
             */
            email: string;
            /**
             * @description The account's current password.
             * @example Correct-horse-9
             */
            password: string;
        };
        CreatedApiKey: components["schemas"]["ApiKey"] & {
            /**
             * @description The whole key. Store it: no other response contains it.
             * @example ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ
             */
            key: string;
        };
        ApiKey: {
            /**
             * Format: uuid
             * @description The key's id. It is not secret.
             * @example 6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05
             */
            id: string;
            /**
             * @description A name that tells the key from others in the list.
             * @example Web app
             */
            name: string | null;
            /**
             * @description The first eight characters of the key.
             * @example ak_Qx3vT
             */
            key_prefix: string;
            /**
             * @description Whether the API accepts the key.
             * @example true
             */
            is_active: boolean;
            /**
             * Format: date-time
             * @description When the key was last used. The value is updated some seconds late.
             * @example 2026-11-24T09:00:00.123456Z
             */
            last_used_at: string | null;
            /**
             * @description The state of the key. A rotated key works until `grace_ends_at`.
             * @example active
             * @enum {string}
             */
            status: "active" | "revoked" | "rotated" | "expired";
            /**
             * Format: date-time
             * @description When the key expires.
             * @example 2027-11-24T09:00:00.000000Z
             */
            expires_at: string | null;
            /**
             * Format: date-time
             * @description When a rotated key stops working. Null for a key that was not rotated.
             * @example null
             */
            grace_ends_at: string | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
        };
        ApiKeyCreateRequest: {
            /**
             * @description A name that tells the key from others in the list.
             * @example Web app
             */
            name?: string | null;
            /**
             * Format: date-time
             * @description When the key expires. Null: never.
             * @example 2027-11-24T09:00:00Z
             */
            expires_at?: string | null;
        };
        RotatedApiKey: components["schemas"]["CreatedApiKey"] & {
            /** @description The old key that this one replaces. */
            replaces: {
                /**
                 * Format: uuid
                 * @description The id of the old key.
                 * @example 6e3b1a9d-4c82-4f07-9d6b-8a2c4e6f1b05
                 */
                id: string;
                /**
                 * Format: date-time
                 * @description When the old key stops working.
                 * @example 2026-11-25T09:00:00.123456Z
                 */
                grace_ends_at: string;
            };
        };
        ApiKeyRotateRequest: {
            /**
             * @description For how many seconds the old key still works, at most until its own expiry.
             * @default 0
             * @example 86400
             */
            grace_seconds?: number;
        };
        ApiKeyUsage: {
            /**
             * Format: date
             * @description The day, in UTC.
             * @example 2026-11-24
             */
            day: string;
            /**
             * @description All requests with the key on that day.
             * @example 128
             */
            requests: number;
            /**
             * @description Requests that got a status of 400 or higher.
             * @example 3
             */
            errors: number;
        };
        WebhookWithSecret: components["schemas"]["Webhook"] & {
            /**
             * @description The secret that signs every delivery, as Standard Webhooks defines it. Store it: no other response contains it.
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
             * @description The URL that gets the events.
             * @example https://app.example.com/api/cloud-api-events
             */
            url: string;
            /**
             * @description A text that tells the webhook from others.
             * @example Orders
             */
            description: string | null;
            /**
             * @description The kinds of events that are sent.
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
             * @description When the first failure after the last success happened. Null while deliveries succeed.
             * @example null
             */
            failing_since: string | null;
            /**
             * Format: date-time
             * @description When the API disabled the webhook: all deliveries failed for three days, or the receiver responded with 410.
             * @example null
             */
            disabled_at: string | null;
            /**
             * Format: date-time
             * @description When it was created.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When the webhook was last changed.
             * @example 2026-11-24T09:00:00.123456Z
             */
            updated_at: string;
        };
        WebhookCreateRequest: {
            /**
             * Format: uri
             * @description The https URL that gets the events by POST. Its host must be in the public DNS. Credentials and a fragment are not allowed.
             * @example https://app.example.com/api/cloud-api-events
             */
            url: string;
            /**
             * @description The kinds of events that are sent.
             * @example [
             *       "generation.completed",
             *       "generation.failed"
             *     ]
             */
            events: ("generation.completed" | "generation.failed" | "generation.canceled" | "user.created" | "user.verified" | "user.deleted" | "quota.reached")[];
            /**
             * @description A name that tells the key from others in the list.
             * @example Orders
             */
            description?: string | null;
        };
        WebhookUpdateRequest: {
            /**
             * Format: uri
             * @description The https URL that gets the events by POST. Its host must be in the public DNS. Credentials and a fragment are not allowed.
             * @example https://app.example.com/api/cloud-api-events
             */
            url?: string;
            /**
             * @description The kinds of events that are sent.
             * @example [
             *       "generation.completed",
             *       "generation.failed"
             *     ]
             */
            events?: ("generation.completed" | "generation.failed" | "generation.canceled" | "user.created" | "user.verified" | "user.deleted" | "quota.reached")[];
            /**
             * @description A name that tells the key from others in the list.
             * @example Orders
             */
            description?: string | null;
            /**
             * @description False: events are not recorded, and waiting events are not sent. True: waiting events are sent.
             * @example true
             */
            is_active?: boolean;
        };
        WebhookRotateRequest: {
            /**
             * @description For how many seconds deliveries are signed with the old secret too.
             * @default 86400
             * @example 86400
             */
            grace_seconds?: number;
        };
        WebhookDelivery: {
            /**
             * Format: uuid
             * @description The header `webhook-id`. It is the same at every attempt.
             * @example 3e9b5d7f-1c62-4a08-b7d4-8f0a2c6e4b11
             */
            id: string;
            /**
             * @description The kind of the event.
             * @example generation.completed
             */
            event: string;
            /**
             * Format: uuid
             * @description The id of the generation or account of the event, else of the project.
             * @example 1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07
             */
            subject_id: string;
            /**
             * @description `delivered`: the receiver responded with 2xx. `failed`: all attempts failed.
             * @example delivered
             * @enum {string}
             */
            status: "waiting" | "delivered" | "failed";
            /**
             * @description The number of attempts so far.
             * @example 1
             */
            attempts: number;
            /**
             * Format: date-time
             * @description When the next attempt is due. Null after the last attempt.
             * @example null
             */
            next_attempt_at: string | null;
            /**
             * @description The HTTP status of the last response. Null without a response.
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
             * @description When the event happened.
             * @example 2026-11-24T09:00:00.123456Z
             */
            occurred_at: string;
            /**
             * Format: date-time
             * @description When the delivery succeeded or finally failed.
             * @example 2026-11-24T09:00:00.123456Z
             */
            finished_at: string | null;
        };
        WebhookDeliveries: {
            /** @description The entries of this page. */
            deliveries: components["schemas"]["WebhookDelivery"][];
            /**
             * @description The number of entries on all pages.
             * @example 1
             */
            total: number;
            /**
             * @description The number of this page.
             * @example 1
             */
            page: number;
            /**
             * @description The maximum number of entries per page.
             * @example 50
             */
            page_size: number;
        };
        CreatedGeneration: components["schemas"]["Generation"] & {
            /**
             * @description A sentence that you may show to a person.
             * @example Generation request submitted successfully
             */
            message: string;
        };
        Generation: {
            /**
             * Format: uuid
             * @description The generation's id. Use it to get the status.
             * @example 1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07
             */
            id: string;
            /**
             * @description `pending`, then `processing`, then one of the others, which are final. The status never goes back.
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
             * @description The model that makes the picture.
             * @example google/nano-banana
             */
            model: string;
            /**
             * @description The absolute URL of the picture. A browser opens it without extra headers. Null until the generation is completed.
             * @example http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1
             */
            generated_image_url: string | null;
            /** @description All pictures of the generation; most models make one. Empty until the generation is completed. */
            images: {
                /**
                 * @description The absolute URL of the picture, as in `generated_image_url`.
                 * @example http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/image?ticket=0.6Zk1
                 */
                url: string;
                /**
                 * @description The media type of the picture.
                 * @example image/png
                 */
                content_type: string;
                /**
                 * @description The size in pixels.
                 * @example 1024
                 */
                width: number;
                /**
                 * @description The size in pixels.
                 * @example 683
                 */
                height: number;
            }[];
            /**
             * @description The absolute URLs of the uploaded pictures.
             * @example [
             *       "http://127.0.0.1:54321/api/v1/generation/1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07/examples/0?ticket=0.9Rt4"
             *     ]
             */
            example_images: string[];
            /**
             * @description Why the generation failed, as a sentence. Null if it did not fail.
             * @example null
             */
            error: string | null;
            /**
             * @description Why the generation failed, as a code that never changes. Null if it did not fail.
             * @example null
             */
            error_code: string | null;
            /**
             * @description Whether everybody may see the result without credentials.
             * @example false
             */
            is_public: boolean;
            /**
             * @description Whether the generation counts against the quota. A failed one never counts. A canceled one counts if it was already sent to the provider and `cancel_limit` is reached.
             * @example true
             */
            charged: boolean;
            /**
             * Format: date-time
             * @description When the generation was created.
             * @example 2026-11-24T09:00:00.123456Z
             */
            created_at: string;
            /**
             * Format: date-time
             * @description When the status last changed.
             * @example 2026-11-24T09:00:07.654321Z
             */
            updated_at: string;
            /**
             * Format: date-time
             * @description When the generation ended. Null before that.
             * @example 2026-11-24T09:00:07.654321Z
             */
            completed_at: string | null;
        };
        GenerationCreateForm: {
            /**
             * @description The prompt of 1 to 1000 characters, or a JSON object as in the JSON body. Other keys of the object are options of the model.
             * @example Turn this photo into a watercolour
             */
            instructions: string;
            /**
             * @description Pictures to work from: JPEG, PNG or WebP, at most 10 MB each. The field may also be named `example_images`.
             * @example [
             *       "(the bytes of photo.png)"
             *     ]
             */
            files: string[];
            /**
             * @description `true`: everybody may see the result without credentials.
             * @example false
             */
            is_public?: string;
            /**
             * @description A model that the plan allows. Absent: the default model.
             * @example google/nano-banana
             */
            model?: string;
            /**
             * @description Width to height. Absent: the model decides.
             * @example 3:2
             * @enum {string}
             */
            aspect_ratio?: "1:1" | "16:9" | "9:16" | "4:3" | "3:4" | "3:2" | "2:3";
            /**
             * @description An integer from 0 to 2147483647.
             * @example 7
             */
            seed?: string;
        };
        GenerationCreateRequest: {
            /**
             * @description A model that the plan allows. Absent: the default model.
             * @example google/nano-banana
             */
            model?: string;
            /**
             * @description Ids of pictures that were uploaded to the URLs from `POST /generation/uploads`.
             * @example []
             */
            upload_ids?: string[];
            /**
             * @description Width to height. Absent: the model decides.
             * @example 3:2
             * @enum {string}
             */
            aspect_ratio?: "1:1" | "16:9" | "9:16" | "4:3" | "3:4" | "3:2" | "2:3";
            /**
             * @description The same seed and prompt give a similar picture, if the model supports seeds.
             * @example 7
             */
            seed?: number;
            /**
             * @description Whether everybody may see the result without credentials. The default is false.
             * @example false
             */
            is_public?: boolean;
            /**
             * @description What the picture should show, or how the model should change the uploaded pictures.
             * @example Turn this photo into a watercolour
             */
            prompt: string;
        } | {
            /**
             * @description A model that the plan allows. Absent: the default model.
             * @example google/nano-banana
             */
            model?: string;
            /**
             * @description Ids of pictures that were uploaded to the URLs from `POST /generation/uploads`.
             * @example []
             */
            upload_ids?: string[];
            /**
             * @description Width to height. Absent: the model decides.
             * @example 3:2
             * @enum {string}
             */
            aspect_ratio?: "1:1" | "16:9" | "9:16" | "4:3" | "3:4" | "3:2" | "2:3";
            /**
             * @description The same seed and prompt give a similar picture, if the model supports seeds.
             * @example 7
             */
            seed?: number;
            /**
             * @description Whether everybody may see the result without credentials. The default is false.
             * @example false
             */
            is_public?: boolean;
            /**
             * @description What the picture should show, or how the model should change the uploaded pictures.
             * @example Turn this photo into a watercolour
             */
            instructions: string;
        };
        Uploads: {
            /** @description One entry for each requested upload. */
            uploads: {
                /**
                 * Format: uuid
                 * @description The upload's id. Send it in `upload_ids` when you create a generation.
                 * @example 5c7e9a1b-6f03-4d48-9b2a-0d4f6e8c2a08
                 */
                id: string;
                /**
                 * @description The URL for the upload. Send the picture by PUT with its Content-Type; the URL works once.
                 * @example http://127.0.0.1:54321/storage/v1/object/upload/sign/uploads/4f1d2c3b?token=eyJhbGciOi
                 */
                url: string;
                /**
                 * @description The HTTP method for the upload.
                 * @example PUT
                 * @enum {string}
                 */
                method: "PUT";
                /**
                 * @description Seconds until the URL expires.
                 * @example 7200
                 */
                expires_in: number;
            }[];
        };
        UploadsCreateRequest: {
            /**
             * @description The number of upload URLs.
             * @default 1
             * @example 1
             */
            count?: number;
        };
        /** @description One event of the stream. `data` is JSON. Comments between events keep the connection open. */
        GenerationEvent: components["schemas"]["GenerationStatusEvent"] | components["schemas"]["GenerationProgressEvent"] | components["schemas"]["GenerationProblemEvent"];
        GenerationStatusEvent: {
            /**
             * @description The status of the generation changed.
             * @example status
             * @enum {string}
             */
            event: "status";
            /**
             * @description The event's id. After a reconnect, send the last id as `Last-Event-ID` to continue after it.
             * @example 2
             */
            id: string;
            data: components["schemas"]["Generation"] & unknown;
        };
        GenerationProgressEvent: {
            /**
             * @description The generation made progress.
             * @example progress
             * @enum {string}
             */
            event: "progress";
            /**
             * @description The event's id. After a reconnect, send the last id as `Last-Event-ID` to continue after it.
             * @example 2.118
             */
            id: string;
            data: components["schemas"]["GenerationProgress"];
        };
        /** @description Progress of the generation, from the model's log. */
        GenerationProgress: {
            /**
             * @description Progress in percent. Null if the model does not report it.
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
             * @description The caller lost access, or the generation was deleted. The stream ends after this event.
             * @example problem
             * @enum {string}
             */
            event: "problem";
            data: components["schemas"]["GenerationProblem"];
        };
        /** @description An error with its HTTP status. */
        GenerationProblem: {
            /**
             * @description A sentence that you may show to a person.
             * @example Project not found.
             */
            detail: string;
            /**
             * @description The error code. It never changes, so programs can branch on it.
             * @example project_not_found
             */
            code: string;
            /**
             * @description The same as in the header X-Request-Id.
             * @example 3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09
             */
            request_id: string;
            /**
             * @description The HTTP status that the same request gets now.
             * @example 401
             */
            status: number;
        };
        GenerationList: {
            /** @description The entries of this page. */
            generations: components["schemas"]["Generation"][];
            /**
             * @description The number of entries on all pages. With a cursor, the number when the first page was read. Published pictures are counted up to 1,000.
             * @example 1
             */
            total: number;
            /**
             * @description The number of this page.
             * @example 1
             */
            page: number;
            /**
             * @description The maximum number of entries per page.
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
             * @description Send it as `cursor` to get the next page. Null on the last page.
             * @example null
             */
            next_cursor: string | null;
        };
        GenerationUsage: {
            /**
             * @description The plan that applies to the project.
             * @example free
             */
            plan: string | null;
            /**
             * Format: date
             * @description The first day of the UTC month.
             * @example 2026-11-01
             */
            month: string;
            /**
             * @description Generations charged in this month, running ones included.
             * @example 42
             */
            used: number;
            /**
             * @description Charged generations per month. Null: no limit.
             * @example 100
             */
            limit: number | null;
            /**
             * @description Generations that are pending or processing now.
             * @example 1
             */
            running: number;
            /**
             * @description Generations that may run at once. Null: no limit.
             * @example 3
             */
            concurrent_limit: number | null;
            /**
             * @description Generations sent to the provider in this month, whatever their result.
             * @example 45
             */
            sent: number;
            /**
             * @description Generations that may be sent per month, failed and canceled ones included. Null: no limit.
             * @example 210
             */
            sent_limit: number | null;
            /**
             * @description Generations that were refunded in this month: canceled or deleted after they were sent to the provider.
             * @example 2
             */
            canceled: number;
            /**
             * @description How many such generations are refunded per month. Later ones stay charged. Null: no limit.
             * @example 10
             */
            cancel_limit: number | null;
            /**
             * Format: date-time
             * @description When `used` becomes zero again.
             * @example 2026-12-01T00:00:00.000000Z
             */
            resets_at: string;
            user: components["schemas"]["UserUsage"];
        };
        /** @description The usage of the end user who calls. Null for the developer and for operators. */
        UserUsage: {
            /**
             * @description Generations charged on this UTC day, running ones included.
             * @example 2
             */
            used_today: number;
            /**
             * @description Charged generations per UTC day. Null: only the plan's limit applies.
             * @example 3
             */
            day_limit: number | null;
            /**
             * Format: date-time
             * @description When `used_today` becomes zero again.
             * @example 2026-11-25T00:00:00.000000Z
             */
            day_resets_at: string;
            /**
             * @description Generations charged in this UTC month, running ones included.
             * @example 11
             */
            used_this_month: number;
            /**
             * @description Charged generations per UTC month. Null: only the plan's limit applies.
             * @example 30
             */
            month_limit: number | null;
            /**
             * @description Generations that are pending or processing now.
             * @example 1
             */
            running: number;
            /**
             * @description Generations that may run at once. Null: only the plan's limit applies.
             * @example 1
             */
            concurrent_limit: number | null;
        } | null;
        Models: {
            /** @description The models, ordered by id. */
            models: components["schemas"]["Model"][];
        };
        Model: {
            /**
             * @description The model's id. Send it as `model`.
             * @example google/nano-banana
             */
            id: string;
            /**
             * @description The kind of generation that uses this model by default: from a prompt alone, or from pictures.
             * @example [
             *       "pictures"
             *     ]
             */
            default_for: ("words" | "pictures")[];
            /**
             * @description How many uploaded pictures the model uses. 0: none.
             * @example 5
             */
            max_images: number;
            /**
             * @description Other request fields that the model supports.
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
             * @description The JSON type of the option.
             * @example string
             * @enum {string}
             */
            type: "string" | "integer" | "number" | "boolean";
            /**
             * @description The allowed values.
             * @example [
             *       "1:1",
             *       "16:9"
             *     ]
             */
            enum?: string[];
            /**
             * @description The smallest allowed number.
             * @example 0
             */
            minimum?: number;
            /**
             * @description The largest allowed number.
             * @example 10
             */
            maximum?: number;
            /**
             * @description The maximum number of characters.
             * @example 60
             */
            maxLength?: number;
            /**
             * @description A regular expression that the value must match.
             * @example ^any$
             */
            pattern?: string;
        };
        GenerationPublic: {
            /**
             * Format: uuid
             * @description The generation's id.
             * @example 1f9a7c5e-3d84-4b26-8f0d-5e7b9c1a3d07
             */
            id: string;
            /**
             * @description Whether everybody may see the result without credentials.
             * @example true
             */
            is_public: boolean;
            /**
             * @description A sentence that you may show to a person.
             * @example The picture is public now
             */
            message: string;
        };
        GenerationPublicRequest: {
            /**
             * @description Whether everybody may see the result without credentials.
             * @example true
             */
            is_public: boolean;
        };
        GenerationDeleted: {
            /**
             * @description A sentence that you may show to a person.
             * @example Generation deleted successfully
             */
            message: string;
        };
        Payments: {
            /**
             * @description Always empty.
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
             * @description Always true.
             * @example true
             * @enum {boolean}
             */
            received: true;
        };
        ReplicatePrediction: {
            /**
             * @description The prediction's id.
             * @example gm3qorzdhgbfurvjtvhg6dckhu
             */
            id: string;
            /**
             * @description The prediction's status at Replicate.
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
            /** @description The API runs. */
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
            /** @description All required parts respond. An optional part may be down. */
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
            /** @description All required parts respond. An optional part may be down. */
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
            /** @description All required parts respond. An optional part may be down. */
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
            /** @description All required parts respond. An optional part may be down. */
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
            /** @description All required parts respond. An optional part may be down. */
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
            /** @description The metrics in the Prometheus text format. */
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
            /** @description The new account, with tokens if it could be signed in. */
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
            /** @description The tokens of a new session. */
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
            /** @description The new tokens of the same session. */
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
            /** @description The signed-in account. */
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
            /** @description The account was deleted. */
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
            /** @description The account after the change. */
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
            /** @description The session was ended. */
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
            /** @description The sessions of the account. */
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
                /** @description The id of a session from `GET /auth/sessions`. */
                session_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session was ended. */
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
            /** @description The password was changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account exists and is not verified, we are sending a mail to it."
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
            /** @description The mails to both addresses are being sent. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account exists and is not verified, we are sending a mail to it."
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
            /** @description The email address was verified. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "The address was verified.",
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
            /** @description The purpose and the state of the token. */
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
                /** @description The account whose address is to be verified. For requests without an access token. */
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
            /** @description A mail is being sent if the account exists and is not verified. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account exists and is not verified, we are sending a mail to it."
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
            /** @description A mail is being sent if the account exists. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account exists and is not verified, we are sending a mail to it."
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
            /** @description The password was changed. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "message": "If the account exists and is not verified, we are sending a mail to it."
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
            /** @description The keys without their secrets, expired and revoked ones included. */
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
            /** @description The new key. Store it: no other response contains it. */
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
                /** @description The key's id from the list, not the key itself. */
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
            /** @description The new key. Store it: no other response contains it. */
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
                /** @description The key's id from the list, not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key was revoked. */
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
                /** @description Finds this text in the name and the description. */
                search?: string;
                /** @description true: only active ones. false: only inactive ones. Absent: both. */
                is_active?: boolean;
                /** @description The number of the page, from 1. */
                page?: number;
                /** @description The number of entries per page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description true: lists the deleted projects that can still be restored, last deleted first. */
                deleted?: boolean;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries of this page. */
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
                /** @description Finds this text in the email address and the full name. */
                search?: string;
                /** @description true: only active ones. false: only inactive ones. Absent: both. */
                is_active?: boolean;
                /** @description The number of the page, from 1. */
                page?: number;
                /** @description The number of entries per page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description Only the entries of this project. */
                project_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries of this page. */
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
                /** @description Finds this text in project names and descriptions, user emails and full names, and key names and prefixes. */
                search?: string;
                /** @description true: only active ones. false: only inactive ones. Absent: both. */
                is_active?: boolean;
                /** @description Only the entries of this project. */
                project_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The number of all and of active entries. */
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
            /** @description The offers that the caller can accept. */
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
                /** @description The project's id. */
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
                /** @description The project's id. */
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
            /** @description The project after the change. */
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
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project was deleted. */
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
                /** @description The project's id. */
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
            /** @description The project after the change. */
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
                /** @description The project's id. */
                project_id: string;
                /** @description The id of an end user of the project. */
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account was deleted. */
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
                /** @description The project's id. */
                project_id: string;
                /** @description The id of an end user of the project. */
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
            /** @description The account after the change. */
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
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The restored project. */
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
                /** @description The project's id. */
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
            /** @description The project after the change. */
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
            /** @description The plans that the caller may see. */
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
                /** @description Finds this text in the email address and the full name. */
                search?: string;
                /** @description true: only active ones. false: only inactive ones. Absent: both. */
                is_active?: boolean;
                /** @description The number of the page, from 1. */
                page?: number;
                /** @description The number of entries per page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
            };
            header?: never;
            path: {
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries of this page. */
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
                /** @description Finds this text in user emails and full names, and in key names and prefixes. */
                search?: string;
                /** @description true: only active ones. false: only inactive ones. Absent: both. */
                is_active?: boolean;
            };
            header?: never;
            path: {
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The number of all and of active entries. */
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
                /** @description The number of the page, from 1. */
                page?: number;
                /** @description The number of entries per page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description The kind of the changed resource. */
                resource?: "project" | "user" | "api_key" | "project_transfer" | "webhook";
                /** @description What was done to the resource. */
                action?: "create" | "update" | "delete";
            };
            header?: never;
            path: {
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries of this page. */
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
                /** @description The project's id. */
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
            /** @description The rendered mail. */
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
                     *       "text": "Confirm your address\n\nAn account at Postcards was created with this address. …",
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
                /** @description The project's id. */
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
            /** @description The mail is being sent. */
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
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The current offer. */
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
                /** @description The project's id. */
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
            /** @description The offer. It is valid for seven days. */
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
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The offer was ended. */
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
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project with its new owner. */
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
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys without their secrets. */
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
                /** @description The project's id. */
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
            /** @description The new key. Store it: no other response contains it. */
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
                /** @description The project's id. */
                project_id: string;
                /** @description The key's id from the list, not the key itself. */
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
            /** @description The new key. Store it: no other response contains it. */
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
                /** @description The project's id. */
                project_id: string;
                /** @description The key's id from the list, not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key was revoked. */
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
                /** @description The number of days, today included. */
                days?: number;
            };
            header?: never;
            path: {
                /** @description The project's id. */
                project_id: string;
                /** @description The key's id from the list, not the key itself. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One entry for each day. */
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
                /** @description The project's id. */
                project_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhooks of the project. */
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
                /** @description The project's id. */
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
            /** @description The webhook with its secret. Store it: no other response contains it. */
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
                /** @description The project's id. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook was deleted. */
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
                /** @description The project's id. */
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
            /** @description The webhook after the change. */
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
                /** @description The project's id. */
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
            /** @description The webhook with its new secret. Store it: no other response contains it. */
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
                /** @description The project's id. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The new delivery. It is being sent. */
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
                /** @description The number of the page, from 1. */
                page?: number;
                /** @description The number of entries per page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description `delivered`: the receiver responded with 2xx. `failed`: all attempts failed. */
                status?: "waiting" | "delivered" | "failed";
            };
            header?: never;
            path: {
                /** @description The project's id. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries of this page. */
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
                /** @description The project's id. */
                project_id: string;
                /** @description The webhook's id. */
                webhook_id: string;
                /** @description The id of the delivery. */
                delivery_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The new delivery. It is being sent. */
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
                /** @description A text of your choice, a new one for each new generation. A repeated request with the same key returns the same generation. */
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
            /** @description The generation was accepted and waits. */
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
            /** @description One URL for each upload. */
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
            /** @description The generation was accepted and waits. */
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
                /** @description The response waits at most this many seconds for a final status. */
                wait?: number;
            };
            header?: never;
            path: {
                /** @description The generation's id. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The status and, when it is completed, the result. */
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
                /** @description The id of the last received event; the stream continues after it. An unknown id starts the stream from the beginning. */
                "last-event-id"?: string;
            };
            path: {
                /** @description The generation's id. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream of events. */
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
            /** @description `Last-Event-ID` is the id of the final status: no more events follow. */
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
                /** @description The number of the page, from 1. */
                page?: number;
                /** @description The number of entries per page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description `next_cursor` of the previous page. With it, `page` is ignored. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries of this page. */
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
                /** @description The number of the page, from 1. */
                page?: number;
                /** @description The number of entries per page. */
                page_size?: number;
                /** @description The older name of `page_size`. */
                per_page?: number;
                /** @description `next_cursor` of the previous page. With it, `page` is ignored. */
                cursor?: string;
                /** @description Only the entries of this project. */
                project_id?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries of this page. */
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
            /** @description The usage of the project and of the caller. */
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
            /** @description The models and their options. */
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
                /** @description The response waits at most this many seconds for a final status. */
                wait?: number;
            };
            header?: never;
            path: {
                /** @description The generation's id. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The status and, when it is completed, the result. */
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
                /** @description The id of the last received event; the stream continues after it. An unknown id starts the stream from the beginning. */
                "last-event-id"?: string;
            };
            path: {
                /** @description The generation's id. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A stream of events. */
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
            /** @description `Last-Event-ID` is the id of the final status: no more events follow. */
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
                /** @description The generation's id. */
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
            /** @description The visibility after the change. */
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
                /** @description The generation's id. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The generation was canceled. */
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
                /** @description The generation's id. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The generation was deleted. */
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
                /** @description The index of the picture, from 0. */
                index?: number;
                /** @description A signed, short-lived permission. The URLs that the API returns contain it. */
                ticket?: string;
            };
            header?: never;
            path: {
                /** @description The generation's id. */
                generation_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A redirect to a short-lived URL of the picture. */
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
                /** @description A signed, short-lived permission. The URLs that the API returns contain it. */
                ticket?: string;
            };
            header?: never;
            path: {
                /** @description The generation's id. */
                generation_id: string;
                /** @description The index of the picture, from 0. */
                index: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A redirect to a short-lived URL of the picture. */
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
            /** @description Always null: there is no subscription. */
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
            /** @description An empty page: there are no payments. */
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
                /** @description The name of the payment action. */
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
                /** @description The generation's id, from the webhook URL that Replicate got. */
                generation_id: string;
            };
            header: {
                /** @description The id of the delivery. A second delivery with the same id changes nothing. */
                "webhook-id": string;
                /** @description When the delivery was signed, as a Unix time in seconds. */
                "webhook-timestamp": string;
                /** @description `v1,` and the HMAC of id, timestamp and body. */
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
            /** @description The event was processed, now or before. */
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
