/** Who the user is to the server: signing in and out, and whom they play in the demo. */

import * as api from "./api.js";
import * as identity from "./identity.js";

const KINDS = { api_key: "key", jwt: "token" };
const $ = (id) => document.getElementById(id);

/**
 * The part of the page that deals with it.
 *
 * Calls `onEnter()` when somebody has signed in, `onAsk()` when somebody has to, `onSignOut()`
 * and `onPlay(name)` before either takes effect, `onPlayed(words)` after it.
 */
export class Who {
  #events;
  #kind = "key or token";
  #trying = false;

  constructor(events) {
    this.#events = events;
    api.whenStrange((error) => this.#trying || this.ask(error));
    $("entry").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#trySigningIn();
    });
    $("sign-out").addEventListener("click", () => this.#leave());
    $("part").addEventListener("change", () => this.#play());
  }

  /** Whether the conversations of whoever is here are their own, to be listed. */
  get isSomebody() {
    return identity.isSignedIn() || !$("playing").hidden;
  }

  /** Show what this server asks for; false when nobody may go on without signing in. */
  meet({ mode = "none", demo_switch: switchable = false } = {}) {
    this.#kind = KINDS[mode] ?? this.#kind;
    if (!switchable) identity.play("visitor");
    $("playing").hidden = !switchable;
    $("part").value = identity.part();
    this.#dress();
    if (!(mode in KINDS) || identity.isSignedIn()) return true;
    this.ask();
    return false;
  }

  /** Ask for a key; an `error` says why the one there was is not enough. */
  ask(error = null) {
    if (document.body.dataset.view === "entry") return;
    const had = identity.isSignedIn();
    identity.signOut();
    this.#events.onAsk();
    document.body.dataset.view = "entry";
    $("secret-label").textContent = `Your ${this.#kind}`;
    this.#say(had && error ? `You are no longer signed in. ${error.detail}` : "");
    this.#dress();
    $("secret").focus();
  }

  async #trySigningIn() {
    const secret = $("secret").value.trim();
    if (this.#trying || !secret) return;
    $("secret").value = "";
    this.#trying = true;
    const trouble = await this.#try(secret);
    this.#trying = false;
    this.#say(trouble);
    this.#dress();
    if (trouble) $("secret").focus();
    else this.#events.onEnter();
  }

  /** Sign in, and return what is wrong with that in words, or "". */
  async #try(secret) {
    if (!/^[\x21-\x7e]+$/.test(secret)) return this.#refusal("No key has such characters.");
    this.#say("Signing in…");
    identity.signIn(secret);
    try {
      await api.sessions(1);
      return "";
    } catch (error) {
      identity.signOut();
      return this.#explain(error);
    }
  }

  #explain(error) {
    if (error.status === 401) return this.#refusal(error.detail);
    if (error instanceof api.ApiError) return error.message;
    return "The server cannot be reached. Please try again.";
  }

  #refusal(why) {
    return `This ${this.#kind} was not accepted. ${why}`;
  }

  #leave() {
    this.#events.onSignOut();
    identity.signOut();
    this.ask();
    this.#say("You are signed out.");
  }

  #play() {
    const name = $("part").value;
    this.#events.onPlay();
    identity.play(name);
    this.#events.onPlayed($("part").selectedOptions[0].textContent);
  }

  #say(words) {
    $("entry-said").textContent = words;
  }

  #dress() {
    $("signed-in").hidden = !identity.isSignedIn();
    $("standing").hidden = $("playing").hidden && $("signed-in").hidden;
  }
}
