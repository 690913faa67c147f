import type { ApiPromise } from "../api-promise.ts";
import type { Http, RequestOptions } from "../http.ts";
import { List } from "../list.ts";
import type { Schema } from "../wire.ts";

/** All sessions of the account. `auth` has the session of this client. */
export class Sessions {
  readonly #http: Http;
  constructor(http: Http) {
    this.#http = http;
  }

  /** The active sessions, newest first. */
  list(options?: RequestOptions): List<Schema<"Session">> {
    return List.whole(() => this.#http.request("get", "/api/v1/auth/sessions", {}, options));
  }

  /** Ends a session. The API refuses its tokens at once. */
  revoke(sessionId: string, options?: RequestOptions): ApiPromise<void> {
    const sent = { params: { session_id: sessionId } };
    return this.#http.request("delete", "/api/v1/auth/sessions/{session_id}", sent, options);
  }
}
