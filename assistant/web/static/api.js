/** The calls to the server's public interface, and the two ways in which one can go wrong. */

import { headers as identity } from "./identity.js";

/** The server answered, with an error. */
export class ApiError extends Error {
  constructor(status, body, { correlationId = "", retryAfter = null } = {}) {
    super(body.detail || body.error || `HTTP ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.title = body.error || "";
    this.detail = body.detail || "";
    this.correlationId = body.correlation_id || correlationId;
    this.retryAfter = retryAfter;
  }
}

/** Nobody answered, or the line broke: coming back may help. */
export class Unreachable extends Error {
  constructor(cause) {
    super("the server could not be reached", { cause });
    this.name = "Unreachable";
  }
}

/** Return an id such as `ses_3f9a…`; works without HTTPS, where `randomUUID` is missing. */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `${prefix}_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

/** Return the seconds that a `Retry-After` header asks for (number or date), or null. */
function secondsIn(header) {
  if (!header) return null;
  const seconds = Number.isNaN(Number(header))
    ? (Date.parse(header) - Date.now()) / 1000
    : Number(header);
  return Number.isFinite(seconds) ? Math.max(0, Math.ceil(seconds)) : null;
}

let onStranger = () => {};

/** Call `listener(error)` whenever the server does not know, or no longer knows, who asks. */
export function whenStrange(listener) {
  onStranger = listener;
}

async function call(path, options = {}) {
  let response;
  try {
    const headers = { ...identity(), ...options.headers };
    response = await fetch(path, { cache: "no-store", ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable(error);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const error = new ApiError(response.status, body ?? {}, {
    correlationId: response.headers.get("X-Correlation-ID") ?? "",
    retryAfter: secondsIn(response.headers.get("Retry-After")),
  });
  if (error.status === 401) onStranger(error);
  throw error;
}

async function json(path, options = {}) {
  const headers = { Accept: "application/json", ...options.headers };
  const response = await call(path, { ...options, headers });
  try {
    return await response.json();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable(error);
  }
}

/** Return a response whose body is an event stream, or null where there is none (204). */
async function stream(path, options = {}) {
  const headers = { Accept: "text/event-stream", ...options.headers };
  const response = await call(path, { ...options, headers });
  if (response.status === 204) return null;
  if ((response.headers.get("Content-Type") ?? "").startsWith("text/event-stream")) return response;
  // A proxy's "please wait" page, say: not the server's own words.
  throw new Unreachable(new Error("not an event stream"));
}

const part = encodeURIComponent;

/** Return what the server says of itself; `auth` says how one signs in. */
export const service = (signal) => json("/", { signal });

/** Return the newest of one's own sessions. */
export const sessions = async (count, signal) =>
  (await json(`/sessions?limit=${count}`, { signal })).sessions;

/** List what a client may know of each persona. */
export const personas = async () => (await json("/personas")).personas;

/** Resolve when the server answers at all. */
export const health = (signal) => json("/health", { signal });

/** Return the messages of a session, oldest first. */
export const history = async (sessionId, signal) =>
  (await json(`/sessions/${part(sessionId)}/messages`, { signal })).messages;

/** Send a message; the same `key` again returns the first run instead of making a second. */
export const chat = (body, key, signal) =>
  stream("/chat", {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify(body),
  });

/** Follow a run from the entry after `after` (-1: from its first). */
export const events = (runId, after, signal) =>
  stream(`/runs/${part(runId)}/events`, {
    signal,
    headers: after < 0 ? {} : { "Last-Event-ID": String(after) },
  });

/** Follow whatever run is live in a session; null when none is. */
export const live = (sessionId, signal) =>
  stream(`/sessions/${part(sessionId)}/stream`, { signal });

/** Return a run's state, with what it waits for. */
export const run = (runId) => json(`/runs/${part(runId)}`);

/** Approve or reject a tool call, with the hash of the arguments that were shown. */
export const decide = (runId, callId, body) =>
  json(`/runs/${part(runId)}/approvals/${part(callId)}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

/** Ask for a run to end. */
export const cancel = (runId) => call(`/runs/${part(runId)}/cancel`, { method: "POST" });

/** Remove a session with its messages, runs and logs. */
export const remove = (sessionId) => call(`/sessions/${part(sessionId)}`, { method: "DELETE" });
