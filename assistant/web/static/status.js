/** The state of the connection, what is said to screen readers, and the reference to copy. */

import * as api from "./api.js";
import { referenceTag, traceLink } from "./panels.js";

const WORDS = {
  connecting: "Connecting",
  connected: "Connected",
  reconnecting: "Reconnecting",
  offline: "Offline",
};
const CHECK_MS = 30_000;
const CHECK_SOON_MS = 3_000;

/** Show a state: `connecting`, `connected`, `reconnecting` or `offline`. */
export function showLink(state) {
  const place = document.getElementById("connection");
  if (place.dataset.state === state) return;
  place.dataset.state = state;
  place.querySelector("[data-words]").textContent = WORDS[state];
}

/** Say something to screen readers, politely: whole answers, never single tokens. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Show the correlation id of the run that is going on, or was last; "" hides it. */
export function showReference(id) {
  const place = document.getElementById("reference");
  if (place.dataset.id === id) return;
  place.dataset.id = id;
  place.hidden = !id;
  place.replaceChildren(...(id ? [referenceTag(id)] : []));
}

/** Show the way to the trace of the run whose reference is shown; null: it has none. */
export function showTrace(address) {
  const place = document.getElementById("reference");
  place.querySelector("a")?.remove();
  if (address && !place.hidden) place.append(" ", traceLink(address));
}

/** While no answer is coming in (`isIdle`), find out now and then whether the server is there. */
export function watchLink(isIdle) {
  let timer;
  const check = async () => {
    clearTimeout(timer);
    if (document.visibilityState === "visible" && isIdle()) showLink(await probe());
    const fine = document.getElementById("connection").dataset.state === "connected";
    timer = setTimeout(check, fine ? CHECK_MS : CHECK_SOON_MS);
  };
  window.addEventListener("online", check);
  window.addEventListener("offline", () => showLink("offline"));
  document.addEventListener("visibilitychange", check);
  timer = setTimeout(check, CHECK_MS);
}

async function probe() {
  if (!navigator.onLine) return "offline";
  try {
    await api.health();
  } catch (error) {
    if (error instanceof api.Unreachable) return "reconnecting";
  }
  return "connected"; // an error is an answer, too
}
