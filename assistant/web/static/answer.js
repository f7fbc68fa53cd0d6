/** One answer on the page: what its frames add, in the order in which they come. */

import { ApprovalCard } from "./approval.js";
import { helpPanel } from "./panels.js";
import { readable } from "./phrases.js";
import { make, render } from "./render.js";
import { Steps } from "./steps.js";

/** How a run's last frame leaves its answer: `completed`, `stopped` or `failed`. */
export function endOf(frame) {
  if (frame.type === "run.cancelled") return "stopped";
  return frame.status === "error" ? "failed" : "completed";
}

/** An `<article>` that grows; `element` is what to put on the page. */
export class Answer {
  #parts = make("div", "parts");
  #waiting = make("p", "waiting", make("span"), make("span"), make("span"));
  #texts = new Map(); // item id -> {box, text}
  #steps = new Steps(this.#parts);
  #approvals = new Map(); // call id -> card
  #live;
  #place = make("p", "place");
  #item = "";
  #painting = 0;

  /** `live` says that it is being made now, and not read again. */
  constructor({ speaker, initial }, { live = true } = {}) {
    this.#live = live;
    const face = make("span", "face", initial);
    face.ariaHidden = "true";
    this.#waiting.setAttribute("aria-hidden", "true");
    const body = make("div", "body", this.#parts, this.#waiting, this.#place);
    this.element = make("article", "answer", face, body);
    this.element.dataset.role = "assistant";
    this.element.ariaLabel = `${speaker} says`;
    this.#place.role = "status";
    this.#show("streaming");
    // What is shown has lost its marks (** and so on); here is the answer as it was sent.
    Object.defineProperty(this.element, "source", { get: () => this.text });
  }

  /** The answer's whole text so far, as the frames' `content` joined. */
  get text() {
    return Array.from(this.#texts.values(), ({ text }) => text).join("");
  }

  get status() {
    return this.element.dataset.status;
  }

  /** Whether there is more to it than its text. */
  get hasDeeds() {
    return this.#parts.querySelector(".steps, .approval, .help") !== null;
  }

  get runId() {
    return this.element.dataset.run ?? "";
  }

  set runId(runId) {
    this.element.dataset.run = runId;
  }

  /** Take one frame in; the last one also needs `end`. */
  apply(frame) {
    if (frame.item_id) this.#item = frame.item_id;
    if (frame.type !== "run.queued") this.#place.textContent = "";
    switch (frame.type) {
      case "run.queued":
        this.#place.textContent = frame.ahead > 0 ? `${frame.ahead} before you` : "You are next";
        break;
      case "run.started":
        if (frame.attempt > 1) this.#stand(frame.text ?? "");
        break;
      case "message.discarded":
        this.#discard(frame.item_id);
        break;
      case "tool.called":
        this.#callTool(frame);
        break;
      case "tool.returned":
        this.#callTool(frame);
        this.#steps.settle(frame.call_id, frame);
        break;
      case "approval.requested":
        this.#ask(frame);
        break;
      case "approval.resolved":
        this.#resolve(frame);
        break;
      case "safety.flagged":
        this.help(frame, { live: this.#live });
        break;
      case "agent.switched":
        this.#steps.note(`Handed over to ${readable(frame.to)}`);
        break;
      default:
    }
    if (frame.content) this.#write(frame.content);
  }

  /** Show a message from the history, as it stands. */
  restore({ content, status }) {
    if (content) this.#write(content);
    this.end(status === "cancelled" ? "stopped" : status);
  }

  /** Show where to find help; `live` also says it aloud. */
  help(frame, { live }) {
    this.helpPanel = helpPanel(frame, { live });
    this.#parts.append(this.helpPanel);
  }

  /** Close the answer: `completed`, `stopped` or `failed`; a card may say why. */
  end(status, card = null) {
    this.#paint();
    this.#show(status);
    this.#closeAll(status);
    if (status === "stopped") this.#parts.append(make("p", "mark", "Stopped"));
    if (status === "failed" && !card) this.#parts.append(make("p", "mark", "Not finished"));
    if (card) this.#parts.append(card);
  }

  #show(status) {
    this.element.dataset.status = status;
    this.#look();
  }

  /** Nothing is on its way while a card waits; and what is marked as busy is not read out. */
  #look() {
    const asking = Array.from(this.#approvals.values()).some((card) => card.isOpen);
    const busy = this.status === "streaming" && !asking;
    this.#parts.ariaBusy = String(busy);
    this.#waiting.hidden = !busy;
  }

  #closeAll(status) {
    for (const asked of this.#approvals.values()) asked.close();
    // What never returned in an answer that is whole was taken back by a crash.
    this.#steps.close({ whole: status === "completed" });
  }

  #write(content) {
    let entry = this.#texts.get(this.#item);
    if (!entry) {
      entry = { box: make("div", "text"), text: "" };
      this.#texts.set(this.#item, entry);
      this.#parts.append(entry.box);
    }
    entry.text += content;
    if (content.trim()) this.#waiting.hidden = true;
    // One painting a frame is all that can be seen, however fast the tokens come.
    this.#painting ||= requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    cancelAnimationFrame(this.#painting);
    this.#painting = 0;
    for (const { box, text } of this.#texts.values()) {
      if (box.shown === text) continue;
      render(box, text);
      box.shown = text;
    }
  }

  #discard(item) {
    this.#texts.get(item)?.box.remove();
    this.#texts.delete(item);
    this.#waiting.hidden = false;
  }

  /** From here on exactly `text` has been said; what is shown beyond it is void. */
  #stand(text) {
    this.#waiting.hidden = false;
    if (this.text === text) return;
    const [first, ...others] = this.#texts.values();
    for (const { box } of others) box.remove();
    this.#texts.clear();
    this.#item = "";
    if (!text) return first?.box.remove();
    if (first) this.#texts.set(this.#item, { box: first.box, text: "" });
    this.#write(text);
  }

  #ask(frame) {
    if (this.#approvals.has(frame.call_id)) return;
    const card = new ApprovalCard(frame);
    this.#approvals.set(frame.call_id, card);
    this.#steps.suspend(frame.call_id, true);
    this.#parts.append(card.element);
    this.#look();
  }

  #resolve(frame) {
    const { call_id: callId, decision } = frame;
    this.#approvals.get(callId)?.resolve(frame);
    if (decision === "approved") this.#steps.suspend(callId, false);
    else this.#steps.settle(callId, { outcome: decision === "cancelled" ? "stopped" : decision });
    this.#look();
  }

  #callTool(frame) {
    this.#steps.call(frame);
    this.#waiting.hidden = false;
  }
}
