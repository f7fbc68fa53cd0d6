/** One answer on the page: what its frames add, in the order in which they come. */

import { activity, helpPanel, settle } from "./panels.js";
import { make, render } from "./render.js";

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
  #tools = new Map(); // call id -> element
  #item = "";
  #painting = 0;

  constructor({ speaker, initial }) {
    const face = make("span", "face", initial);
    face.ariaHidden = "true";
    this.#waiting.setAttribute("aria-hidden", "true");
    this.element = make("article", "answer", face, make("div", "body", this.#parts, this.#waiting));
    this.element.dataset.role = "assistant";
    this.element.ariaLabel = `${speaker} says`;
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

  set runId(runId) {
    this.element.dataset.run = runId;
  }

  /** Take one frame in; the last one also needs `end`. */
  apply(frame) {
    if (frame.item_id) this.#item = frame.item_id;
    switch (frame.type) {
      case "message.discarded":
        this.#discard(frame.item_id);
        break;
      case "tool.called":
        this.#callTool(frame);
        break;
      case "tool.returned":
        settle(this.#tools.get(frame.call_id), frame);
        break;
      case "safety.flagged":
        this.help(frame, { live: true });
        break;
      case "agent.switched":
        this.#parts.append(activity(`Handed over to ${words(frame.to)}`));
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
    for (const line of this.#tools.values()) settle(line, { outcome: "stopped" });
    if (status === "stopped") this.#parts.append(make("p", "mark", "Stopped"));
    if (status === "failed" && !card) this.#parts.append(make("p", "mark", "Not finished"));
    if (card) this.#parts.append(card);
  }

  #show(status) {
    this.element.dataset.status = status;
    this.element.ariaBusy = String(status === "streaming");
    this.#waiting.hidden = status !== "streaming";
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

  #callTool(frame) {
    const line = activity(words(frame.name), { frame, state: "working" });
    this.#tools.set(frame.call_id, line);
    this.#parts.append(line);
    this.#waiting.hidden = false;
  }
}

/** `find_free_slots` as a person would write it. */
function words(name = "") {
  const text = name.replaceAll(/[_-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
