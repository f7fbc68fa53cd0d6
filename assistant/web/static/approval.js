/** A tool call that needs a human's yes: what it would do, and the two ways to answer. */

import * as api from "./api.js";
import { make } from "./render.js";

const RESULTS = {
  approved: "Approved.",
  rejected: "Declined. Nothing was done.",
  expired: "Nobody decided in time. Nothing was done.",
  cancelled: "No decision is needed any more.",
};
/** Trying again changes nothing: the decision is not ours, or is taken. */
const FINAL = new Set([400, 401, 403, 404, 409]);

/** `element` is what to put on the page; the server alone says what was decided. */
export class ApprovalCard {
  #asked;
  #title = make("h2");
  #until;
  #buttons = make("div", "row");
  #said = make("p", "said-so");

  constructor(frame) {
    this.#asked = frame;
    const mine = frame.by === "user";
    this.#title.textContent = mine ? "Your approval is needed" : "An approval is needed";
    this.#title.id = `approval-${frame.call_id}`;
    this.#until = until(frame, mine);
    this.#said.role = "status";
    this.#buttons.append(this.#button("Approve", "solid"), this.#button("Decline", "plain"));
    this.#buttons.hidden = !mine;
    this.element = make(
      "section", "approval",
      this.#title,
      make("p", "summary", frame.summary || readable(frame.name)),
      ...listed(frame.arguments),
      this.#until,
      this.#buttons,
      this.#said,
    );
    this.element.dataset.role = "approval";
    this.element.setAttribute("aria-labelledby", this.#title.id);
    this.element.tabIndex = -1; // takes the focus when a button that had it is switched off
    this.#show("waiting");
    if (!mine) this.#offerIfOurs();
  }

  get status() {
    return this.element.dataset.status;
  }

  /** Whether nobody has decided yet, as far as is known here. */
  get isOpen() {
    return !(this.status in RESULTS);
  }

  /** Tell what was decided, and by whom where that was somebody else. */
  resolve({ decision, by = "", reason = "" }) {
    if (!this.isOpen) return;
    const whom = by && this.#asked.by !== "user" ? ` Decided by ${by}.` : "";
    const why = reason ? ` Reason: ${reason}` : "";
    this.#letGo();
    this.#buttons.hidden = true;
    this.#until.hidden = true;
    this.#title.textContent = "Approval was asked for";
    this.#show(decision, `${RESULTS[decision] ?? decision}${whom}${why}`);
  }

  /** The answer ended before anybody decided. */
  close() {
    this.resolve({ decision: "cancelled" });
  }

  #show(status, words = "") {
    this.element.dataset.status = status;
    this.#said.textContent = words;
    for (const button of this.#buttons.children) button.disabled = status !== "waiting";
  }

  #button(words, look) {
    const button = make("button", look, words);
    button.type = "button";
    button.addEventListener("click", () => this.#decide(words.toLowerCase(), button));
    return button;
  }

  async #decide(word, button) {
    const { run_id: runId, call_id: callId, arguments_hash: hash } = this.#asked;
    const decision = word === "approve" ? "approve" : "reject";
    this.#letGo();
    this.#show("sending", word === "approve" ? "Approving…" : "Declining…");
    try {
      const decided = await api.decide(runId, callId, { decision, arguments_hash: hash });
      this.resolve({ ...decided, by: decided.decided_by });
    } catch (error) {
      if (this.isOpen) this.#refused(error, button);
    }
  }

  #refused(error, button) {
    const words = error instanceof api.ApiError
      ? error.message
      : "The server cannot be reached. Please try again.";
    if (FINAL.has(error.status)) return this.#show("refused", words);
    this.#show("waiting", words);
    if (document.activeElement === this.element) button.focus({ preventScroll: true });
  }

  /** A button that is switched off loses the focus to nowhere; the card takes it instead. */
  #letGo() {
    if (this.#buttons.contains(document.activeElement)) this.element.focus({ preventScroll: true });
  }

  /** A role's decision: whether we have that role only the server knows. */
  async #offerIfOurs() {
    const { run_id: runId, call_id: callId } = this.#asked;
    const { approvals = [] } = await api.run(runId).catch(() => ({}));
    const ours = approvals.some((each) => each.call_id === callId && each.may_decide);
    if (ours && this.isOpen) this.#buttons.hidden = false;
  }
}

function until({ by, expires_at: expires }, mine) {
  const date = new Date(expires);
  const soon = Math.abs(date - Date.now()) < 12 * 3_600_000;
  const style = soon ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  const time = make("time", "", date.toLocaleString(undefined, style));
  time.dateTime = expires;
  const role = by.replace(/^role:/, "");
  const who = mine ? "Waits for your decision" : `Whoever has the role ${readable(role)} decides,`;
  return make("p", "until", `${who} until `, time, ".");
}

/** Every argument, whole: nobody should have to approve what they cannot see. */
function listed(given) {
  const pairs = Object.entries(given ?? {});
  if (pairs.length === 0) return [];
  const list = make("dl");
  for (const [name, value] of pairs) {
    list.append(make("dt", "", readable(name)), make("dd", "", shown(value)));
  }
  return [list];
}

function shown(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === "") return "(empty)";
  if (typeof value !== "object") return String(value);
  return make("pre", "", JSON.stringify(value, null, 2));
}

/** `find_free_slots` as a person would write it. */
export function readable(name = "") {
  const text = name.replaceAll(/[_-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
