/** Until when something waits, and how long that still is. */

import { make } from "./render.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** `element` says it; what it says is for the eye, and never read out as it changes. */
export class Countdown {
  #ends;
  #left = make("span", "left");
  #timer;

  constructor(expires, lead) {
    this.#ends = new Date(expires).getTime();
    const time = make("time", "", clock(this.#ends));
    time.dateTime = expires;
    this.element = make("p", "until", `${lead} `, time, this.#left);
    this.#tick();
  }

  /** Count no more. */
  stop() {
    clearTimeout(this.#timer);
  }

  #tick() {
    const left = this.#ends - Date.now();
    this.#left.textContent = ` (${remaining(left)})`;
    if (left <= 0) return;
    const unit = left < HOUR ? MINUTE : HOUR;
    // A moment after the words change; a card that has been taken away counts no more.
    const next = () => this.element.isConnected && this.#tick();
    this.#timer = setTimeout(next, (left % unit) + 20);
  }
}

function clock(at) {
  const soon = Math.abs(at - Date.now()) < 12 * HOUR;
  const style = soon ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" };
  return new Date(at).toLocaleString(undefined, style);
}

function remaining(left) {
  if (left <= 0) return "the time is up";
  if (left < MINUTE) return "less than a minute left";
  const [count, unit] = left < HOUR
    ? [Math.floor(left / MINUTE), "minute"]
    : left < 48 * HOUR
      ? [Math.floor(left / HOUR), "hour"]
      : [Math.floor(left / (24 * HOUR)), "day"];
  return `${count} ${unit}${count === 1 ? "" : "s"} left`;
}
