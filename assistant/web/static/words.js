/** What went wrong, in plain words. */

import { ApiError, Unreachable } from "./api.js";

const BUSY = {
  title: "A lot of people are writing just now",
  detail: "Your message was not taken yet. Please try again in a moment.",
};

const BY_STATUS = {
  401: { title: "Please sign in again", detail: "The server does not know who you are." },
  403: { title: "This is not open to you" },
  404: {
    title: "This conversation has ended",
    detail: "You can go on in a new one.",
    restart: true,
    action: "Go on in a new conversation",
  },
  408: { title: "That took too long", retryable: true },
  409: { title: "An answer is still being written", retryable: true },
  413: { title: "That message is too long", detail: "Please send it in shorter parts." },
  429: { ...BUSY, retryable: true },
  502: { title: "The server is not reachable", retryable: true },
  503: { ...BUSY, retryable: true },
  504: { title: "The server did not answer in time", retryable: true },
};

/**
 * Explain an error of a request.
 *
 * Returns `{title, detail, reference, retryable, retryAfter, restart, action}`; `restart` means
 * that only a new session can go on.
 */
export function explain(error) {
  if (!(error instanceof ApiError)) {
    if (error instanceof Error && !(error instanceof Unreachable)) console.error(error);
    return {
      title: "The server cannot be reached",
      detail: "Please check your connection. Nothing is sent twice when you try again.",
      retryable: true,
    };
  }
  const known = BY_STATUS[error.status] ?? {
    title: error.title || "Something went wrong",
    retryable: error.status >= 500,
  };
  return {
    ...known,
    detail: known.detail ?? error.detail,
    retryable: Boolean(known.retryable || known.restart),
    reference: error.correlationId,
    retryAfter: error.retryAfter,
  };
}

/** Explain the last frame of a run that failed. */
export function explainFailure(frame) {
  return {
    title: frame.error || "The answer could not be finished",
    detail: frame.detail || frame.message || "",
    reference: frame.correlation_id,
    retryable: Boolean(frame.retryable),
    retryAfter: null,
  };
}
