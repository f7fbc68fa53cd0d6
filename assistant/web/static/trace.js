/** The way from an answer to its trace, where the server says that traces can be looked at. */

import * as api from "./api.js";

let template = null;

/** Take where a trace is found, an address with `{trace_id}` in it; null where nowhere. */
export function tellWhereTracesAre(address) {
  template = address;
}

/** Return the address of a run's trace, or null where it has none. */
export async function traceOf(runId) {
  if (!template || !runId) return null;
  try {
    const { trace_id: id } = await api.run(runId);
    return id ? template.replaceAll("{trace_id}", encodeURIComponent(id)) : null;
  } catch {
    return null; // an operator's help, not worth a word when it is not to be had
  }
}
