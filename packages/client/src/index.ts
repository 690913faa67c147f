import type { Schema } from "./wire.ts";

export type { ApiPromise, RateLimit, WithResponse } from "./api-promise.ts";
export { type Client, type ClientOptions, createClient } from "./client.ts";
export {
  ApiError,
  ConnectionError,
  type FieldError,
  GenerationError,
  RateLimitError,
  TimeoutError,
} from "./errors.ts";
export type { CompletedGeneration, FinishedGeneration } from "./finished-generation.ts";
export type { GenerationEvent, StreamOptions } from "./follow-generation.ts";
export type { GenerationCreate } from "./generation-body.ts";
export type { RequestOptions } from "./http.ts";
export type { ImageFile, ImageFiles } from "./image-files.ts";
export type { List, Page } from "./list.ts";
export {
  type CookieJar,
  type CookieOptions,
  cookieSession,
  localStorageSession,
  memorySession,
  type Session,
  type SessionStore,
} from "./session.ts";
export type { SessionEvent, SessionListener } from "./session-keeper.ts";
export { verifyWebhook, type WebhookEvent, WebhookSignatureError } from "./verify-webhook.ts";
export type { WaitOptions } from "./wait-until-finished.ts";

/** Every other schema of the API's document, by its name. */
export type { Schema };
export type ApiKey = Schema<"ApiKey">;
export type Generation = Schema<"Generation">;
export type Project = Schema<"Project">;
export type ProjectUser = Schema<"ProjectUser">;
export type User = Schema<"User">;
