/** The box one writes in, with the button that sends or stops. */

const MOST_CHARACTERS = 16_000;
const WARN_FROM = 15_000;
const $ = (id) => document.getElementById(id);

/** Calls `onSend(text)` and `onStop()`; `setState` says what is going on. */
export class Composer {
  #box = $("message");
  #state = "loading";

  constructor({ onSend, onStop }) {
    this.#box.addEventListener("input", () => this.#look());
    this.#box.addEventListener("keydown", (event) => {
      // During composition Enter picks a word (Chinese, Japanese, Korean).
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      $("composer").requestSubmit();
    });
    $("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(onSend);
    });
    $("stop").addEventListener("click", onStop);
  }

  /** Put the cursor in the box, but do not call up a phone's keyboard for it. */
  focus = () => {
    if (matchMedia("(pointer: fine)").matches) this.#box.focus({ preventScroll: true });
  };

  /** Follow the conversation: `loading`, `ready`, `streaming` or `stopping`. */
  setState = (state) => {
    this.#state = state;
    document.body.dataset.state = state;
    const busy = state === "streaming" || state === "stopping";
    const hadFocus = document.activeElement === $("stop");
    $("stop").hidden = !busy;
    $("send").hidden = busy;
    $("stop").ariaDisabled = String(state === "stopping");
    $("stop").ariaLabel = state === "stopping" ? "Stopping" : "Stop this answer";
    if (hadFocus && !busy) this.#box.focus({ preventScroll: true });
    this.#look();
  };

  #submit(onSend) {
    const text = this.#box.value.trim();
    if (!text || this.#state !== "ready" || length(text) > MOST_CHARACTERS) return;
    this.#box.value = "";
    this.#look();
    onSend(text);
  }

  #look() {
    const text = this.#box.value.trim();
    const size = length(text);
    const over = size > MOST_CHARACTERS;
    $("send").ariaDisabled = String(!text || over || this.#state !== "ready");
    $("count").hidden = size < WARN_FROM;
    $("count").dataset.over = over;
    $("count").textContent = size < WARN_FROM
      ? ""
      : `${size.toLocaleString()} of ${MOST_CHARACTERS.toLocaleString()} characters`;
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }
}

/** Characters as the server counts them: an emoji is one. */
function length(text) {
  return text.length < WARN_FROM ? text.length : Array.from(text).length;
}
