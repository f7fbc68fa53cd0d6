/** One's own earlier conversations, to go back to. */

import * as api from "./api.js";
import { make } from "./render.js";

const MOST = 6;
const DAY_MS = 86_400_000;

/** A list in `place`, which is hidden for as long as there is nothing in it. */
export class Earlier {
  #place;
  #onPick;
  #line = new AbortController();

  constructor(place, onPick) {
    this.#place = place;
    this.#onPick = onPick;
  }

  /** Take the list away. */
  clear() {
    this.#line.abort();
    this.#place.hidden = true;
    this.#place.querySelector("ul").replaceChildren();
  }

  /** Show the newest conversations of whoever asks; `nameOf` says who answered in them. */
  async show(nameOf) {
    this.clear();
    this.#line = new AbortController();
    const { signal } = this.#line;
    let rows;
    try {
      const sessions = await api.sessions(MOST, signal);
      rows = await Promise.all(sessions.map((session) => this.#row(session, nameOf, signal)));
    } catch (error) {
      if (signal.aborted || error instanceof api.ApiError || error instanceof api.Unreachable) return;
      throw error;
    }
    if (signal.aborted) return;
    const found = rows.filter(Boolean);
    this.#place.querySelector("ul").replaceChildren(...found);
    this.#place.hidden = found.length === 0;
  }

  /** A conversation is known by what was said first; one without a word is not shown. */
  async #row(session, nameOf, signal) {
    const messages = await api.history(session.session_id, signal);
    const first = messages.find(({ role }) => role === "user");
    if (!first) return null;
    const button = make(
      "button", "earlier-one",
      make("span", "earlier-words", first.content),
      make("span", "earlier-when", `${nameOf(session.persona_type)} · ${when(session.created_at)}`),
    );
    button.type = "button";
    button.addEventListener("click", () => this.#onPick(session));
    return make("li", "", button);
  }
}

function when(iso) {
  const date = new Date(iso);
  const recent = Date.now() - date < DAY_MS;
  const style = recent ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return date.toLocaleString(undefined, style);
}
