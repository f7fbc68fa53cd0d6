/** Answers that have ended, told once more from their logs: what was done besides the words. */

import { endOf } from "./answer.js";
import * as api from "./api.js";
import { frames } from "./sse.js";

/** Farther back nobody looks; and each costs a request. */
const MOST = 20;

/**
 * Put the steps and approvals back into answers of which a history has only the words.
 *
 * Goes through `runIds` (oldest first) from the newest back, and ends where the first log is gone.
 */
export async function retell(runIds, log, signal) {
  try {
    for (const runId of runIds.slice(-MOST).reverse()) {
      const answer = await read(runId, log, signal);
      if (answer?.hasDeeds) log.swap(runId, answer);
    }
  } catch (error) {
    const expected = error instanceof api.ApiError || error instanceof api.Unreachable;
    if (!signal.aborted && !expected) throw error;
  }
}

/** Return an answer as its log tells it; null where the log does not come to its end. */
async function read(runId, log, signal) {
  const answer = log.prepare();
  for await (const frame of frames(await api.events(runId, -1, signal))) {
    signal.throwIfAborted();
    answer.apply(frame);
    if (!frame.is_final) continue;
    answer.end(endOf(frame));
    return answer;
  }
  return null;
}
