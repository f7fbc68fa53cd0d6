/** The messages on the page, in order. */

import { Answer } from "./answer.js";
import { make } from "./render.js";

/** What was said, by whom; knows the elements, not the server. */
export class Log {
  #list;
  #speaker = { speaker: "Assistant", initial: "A" };

  constructor(list) {
    this.#list = list;
  }

  /** Say who answers from now on. */
  set persona({ display_name: name }) {
    this.#speaker = { speaker: name, initial: name.charAt(0).toUpperCase() };
  }

  /** Take everything away. */
  clear() {
    this.#list.replaceChildren();
  }

  /** Add what the user said; returns the element. */
  addUser(text, runId = "") {
    const element = make("article", "said", make("p", "", text));
    element.dataset.role = "user";
    element.dataset.run = runId;
    element.ariaLabel = "You said";
    this.#list.append(element);
    return element;
  }

  /** Add an answer after its question, or last; takes the place of an older one of the same run. */
  addAnswer({ question = null, runId = "" } = {}) {
    const answer = new Answer(this.#speaker);
    const old = runId && this.#find("assistant", runId);
    const asked = question ?? (runId && this.#find("user", runId));
    if (runId) answer.runId = runId;
    if (old) old.replaceWith(answer.element);
    else if (asked) asked.after(answer.element);
    else this.#list.append(answer.element);
    return answer;
  }

  /** Return an answer that is not on the page yet, to be told once more from its log. */
  prepare() {
    return new Answer(this.#speaker, { live: false });
  }

  /** Put an answer in the place of an older one of the same run, where that is still there. */
  swap(runId, answer) {
    answer.runId = runId;
    this.#find("assistant", runId)?.replaceWith(answer.element);
  }

  /** Learn which run an answer, and a question just sent, belong to; older copies of them go. */
  adopt(runId, question, answer) {
    for (const element of [question, answer.element]) {
      if (!element) continue;
      const copy = this.#find(element.dataset.role, runId);
      if (copy !== element) copy?.remove();
      element.dataset.run = runId;
    }
  }

  /** What the user said in a run, or "". */
  questionOf(runId) {
    return this.#find("user", runId)?.textContent ?? "";
  }

  #find(role, runId) {
    return this.#list.querySelector(`[data-role="${role}"][data-run="${CSS.escape(runId)}"]`);
  }
}
