/** What this tab remembers over a reload: the session, the persona, and a message on its way. */

const KEY = "assistant.chat";

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // storage is switched off, or holds something else
  }
}

let kept = read();

/** Return what is remembered: `{sessionId, persona, pending, flags}`, each only if there. */
export const recall = () => kept;

/**
 * Remember the given fields beside the others.
 *
 * It lives as long as the tab does: a conversation like this should not wait on a shared
 * computer for whoever comes next.
 */
export function remember(fields) {
  kept = { ...kept, ...fields };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Without storage the page still works; only a reload begins anew.
  }
}
