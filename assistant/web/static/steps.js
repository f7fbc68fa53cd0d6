/** The quiet lines that say what is being done; those that come together stand together. */

import { phrase } from "./phrases.js";
import { make } from "./render.js";

const OPEN = new Set(["working", "waiting"]);

/** The steps of one answer, put where they happened among its `parts`. */
export class Steps {
  #parts;
  #lines = new Map(); // call id -> {element, words, name}

  constructor(parts) {
    this.#parts = parts;
  }

  /** Begin a line for a tool's call; a second time changes nothing. */
  call({ call_id: callId, name, arguments: given }) {
    if (this.#lines.has(callId)) return;
    const element = make("li", "step");
    element.dataset.role = "tool";
    element.dataset.tool = name;
    const words = make("span", "step-words");
    const line = [make("span", "tick"), words];
    if (given && Object.keys(given).length > 0) element.append(folded(line, given));
    else element.append(...line);
    this.#lines.set(callId, { element, words, name });
    this.#show(callId, "working");
    this.#group().append(element);
  }

  /** Add a line for something that has happened and is not a tool's. */
  note(words) {
    const element = make("li", "step", make("span", "tick"), make("span", "step-words", words));
    element.dataset.status = "ok";
    this.#group().append(element);
  }

  /** Say that a call waits for an approval, or goes on. */
  suspend(callId, waits) {
    if (this.#isOpen(callId)) this.#show(callId, waits ? "waiting" : "working");
  }

  /** Say how a call ended; without effect when it has ended before. */
  settle(callId, { outcome, result = null }) {
    if (!this.#isOpen(callId)) return;
    this.#show(callId, outcome);
    const { element } = this.#lines.get(callId);
    if (result) element.querySelector("details")?.append(make("pre", "", result));
  }

  /** Close what is open as `stopped`; what never returned in a `whole` answer was taken back. */
  close({ whole }) {
    for (const [callId, { element }] of this.#lines) {
      if (!this.#isOpen(callId)) continue;
      this.settle(callId, { outcome: "stopped" });
      if (!whole) continue;
      const group = element.parentElement;
      element.remove();
      if (group.childElementCount === 0) group.remove();
    }
  }

  #isOpen(callId) {
    return OPEN.has(this.#lines.get(callId)?.element.dataset.status);
  }

  #show(callId, state) {
    const { element, words, name } = this.#lines.get(callId);
    element.dataset.status = state;
    words.textContent = phrase(name, state);
  }

  /** Return the list to go on with: the last part, if it is one, else a new one. */
  #group() {
    const last = this.#parts.lastElementChild;
    if (last?.classList.contains("steps")) return last;
    const group = make("ul", "steps");
    group.role = "list"; // Safari takes a list without marks for none
    group.ariaLabel = "What was done";
    this.#parts.append(group);
    return group;
  }
}

function folded(line, given) {
  const details = make("details", "", make("summary", "", ...line));
  details.append(make("pre", "", JSON.stringify(given, null, 2)));
  return details;
}
