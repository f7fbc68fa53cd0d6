/** Following one run to its end, over as many connections as that takes. */

import * as api from "./api.js";
import { frames } from "./sse.js";

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 10_000;
const TRIES_BEFORE_ACCEPTED = 6;
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Hand every frame of a run to `onFrame`, in order and once each.
 *
 * `open` makes the first connection. Once a frame has told the run's id, a broken line is taken
 * up again from the last sequence number, for as long as it takes; before that, `open` is
 * tried again a few times. Returns the run's id, or null when there was nothing to follow.
 * Throws `ApiError` or `Unreachable`, or whatever `signal` is aborted with.
 */
export async function follow({ open, onFrame, onLink, signal }) {
  const cursor = { runId: null, after: -1, gapAt: null };
  const tries = { count: 0 };
  let connect = open;
  for (;;) {
    let retryAfter = null;
    try {
      const response = await connect(signal);
      if (response === null) return cursor.runId;
      onLink("connected");
      if (await drain(response, cursor, tries, onFrame, signal)) return cursor.runId;
    } catch (error) {
      signal.throwIfAborted();
      if (!worthAnother(error, cursor, tries)) throw error;
      retryAfter = error.retryAfter ?? null;
    }
    if (cursor.runId) connect = (stop) => api.events(cursor.runId, cursor.after, stop);
    onLink(navigator.onLine ? "reconnecting" : "offline");
    await pause(delay(tries.count++, retryAfter), signal);
  }
}

/** Make a request again and again until somebody answers; errors that will not pass are thrown. */
export async function insist(request, { onLink, signal }) {
  for (let count = 0; ; count += 1) {
    try {
      const answer = await request(signal);
      onLink("connected");
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      const passing = error instanceof api.Unreachable || PASSING.has(error.status);
      if (!passing) throw error;
      onLink(navigator.onLine ? "reconnecting" : "offline");
      await pause(delay(count, error.retryAfter ?? null), signal);
    }
  }
}

/** Read one connection; true when the run's last frame came through it. */
async function drain(response, cursor, tries, onFrame, signal) {
  for await (const frame of frames(response)) {
    signal.throwIfAborted();
    if (!isNext(frame, cursor)) continue;
    cursor.runId = frame.run_id;
    cursor.after = frame.sequence;
    tries.count = 0;
    onFrame(frame);
    if (frame.is_final) return true;
  }
  return false;
}

/** Whether a frame is new; throws when one before it is missing, so that we go back for it. */
function isNext(frame, cursor) {
  if (!Number.isInteger(frame.sequence) || frame.sequence <= cursor.after) return false;
  const gap = frame.sequence > cursor.after + 1;
  if (gap && cursor.runId && cursor.gapAt !== cursor.after) {
    cursor.gapAt = cursor.after; // once: a server that has no such entry must not hold us here
    throw new api.Unreachable(new Error("gap"));
  }
  return true;
}

function worthAnother(error, cursor, tries) {
  if (error instanceof api.ApiError) return cursor.runId !== null && PASSING.has(error.status);
  if (!(error instanceof api.Unreachable)) return false;
  return cursor.runId !== null || tries.count < TRIES_BEFORE_ACCEPTED;
}

function delay(count, retryAfter) {
  const doubled = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** count);
  // Everyone comes back from the same restart: spread them out.
  const spread = doubled * (0.75 + Math.random() / 2);
  return Math.max(spread, (retryAfter ?? 0) * 1000);
}

/** Wait, but no longer than until the network is back. */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      window.removeEventListener("online", wake);
      signal.removeEventListener("abort", stop);
      settle(value);
    };
    const wake = () => end(resolve);
    const stop = () => end(reject, signal.reason);
    const timer = setTimeout(wake, milliseconds);
    window.addEventListener("online", wake);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
}
