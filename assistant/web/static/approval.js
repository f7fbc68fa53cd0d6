/** A tool call that needs a human's yes: the question, and the two ways to answer it. */

import * as api from "./api.js";
import { Countdown } from "./countdown.js";
import { readable } from "./phrases.js";
import { make } from "./render.js";

const RESULTS = {
  approved: "Approved.",
  rejected: "Declined. Nothing was done.",
  expired: "Nobody decided in time. Nothing was done.",
  cancelled: "No decision is needed any more.",
};
/** Trying again changes nothing: the decision is not ours, or is taken. */
const FINAL = new Set([400, 403, 404, 409]);

/** `element` is what to put on the page; the server alone says what was decided. */
export class ApprovalCard {
  #asked;
  #lead = make("p", "lead");
  #question = make("h2", "summary");
  #countdown;
  #buttons = make("div", "buttons");
  #said = make("p", "said-so");

  constructor(frame) {
    this.#asked = frame;
    const mine = frame.by === "user";
    this.#lead.textContent = mine ? "This needs your yes" : "This needs somebody’s yes";
    this.#lead.id = `asked-${frame.call_id}`;
    this.#question.textContent = frame.summary || readable(frame.name);
    this.#question.id = `question-${frame.call_id}`;
    this.#countdown = new Countdown(frame.expires_at, whose(frame.by));
    this.#said.role = "status";
    this.#buttons.role = "group";
    this.#buttons.setAttribute("aria-labelledby", this.#question.id);
    this.#buttons.append(
      this.#button("Yes", "solid", "approve"),
      this.#button("No", "plain", "reject"),
    );
    this.#buttons.hidden = !mine;
    this.element = this.#card(listed(frame.arguments));
    this.#show("waiting");
    if (!mine) this.#offerIfOurs();
  }

  get status() {
    return this.element.dataset.status;
  }

  /** Whether nobody has decided yet, as far as is known here. */
  get isOpen() {
    return !Object.hasOwn(RESULTS, this.status);
  }

  /** Tell what was decided, and by whom where that was somebody else. */
  resolve({ decision, by = "", reason = "" }) {
    if (!this.isOpen) return;
    const whom = by && this.#asked.by !== "user" ? ` Decided by ${by}.` : "";
    const why = reason ? ` Reason: ${reason}` : "";
    this.#letGo();
    this.#buttons.hidden = true;
    this.#countdown.stop();
    this.#lead.textContent = "A yes was asked for";
    this.#show(decision, `${RESULTS[decision] ?? decision}${whom}${why}`);
  }

  /** The answer ended before anybody decided. */
  close() {
    this.resolve({ decision: "cancelled" });
  }

  #card(details) {
    const row = make("div", "decision", this.#buttons, this.#countdown.element, this.#said);
    const card = make("section", "approval", this.#lead, this.#question, row, ...details);
    card.dataset.role = "approval";
    card.setAttribute("aria-labelledby", `${this.#lead.id} ${this.#question.id}`);
    card.tabIndex = -1; // takes the focus when a button that had it is switched off
    return card;
  }

  #show(status, words = "") {
    this.element.dataset.status = status;
    this.#said.textContent = words;
    this.#countdown.element.hidden = words !== "";
    for (const button of this.#buttons.children) button.disabled = status !== "waiting";
  }

  #button(words, look, decision) {
    const button = make("button", look, words);
    button.type = "button";
    button.addEventListener("click", () => this.#decide(decision, button));
    return button;
  }

  async #decide(decision, button) {
    const { run_id: runId, call_id: callId, arguments_hash: hash } = this.#asked;
    this.#letGo();
    this.#show("sending", decision === "approve" ? "Approving…" : "Declining…");
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

function whose(by) {
  if (by === "user") return "You have until";
  return `Whoever has the role ${readable(by.replace(/^role:/, ""))} decides, until`;
}

/** Every argument, whole: folded, but nobody should have to approve what they cannot see. */
function listed(given) {
  const pairs = Object.entries(given ?? {});
  if (pairs.length === 0) return [];
  const list = make("dl");
  for (const [name, value] of pairs) {
    list.append(make("dt", "", readable(name)), make("dd", "", shown(value)));
  }
  return [make("details", "exactly", make("summary", "", "Details"), list)];
}

function shown(value) {
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === "") return "(empty)";
  if (typeof value !== "object") return String(value);
  return make("pre", "", JSON.stringify(value, null, 2));
}
