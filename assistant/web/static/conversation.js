/** One conversation: sending, stopping, and finding the way back in after a reload. */

import { endOf } from "./answer.js";
import * as api from "./api.js";
import { follow, insist } from "./follow.js";
import * as identity from "./identity.js";
import { recall, remember } from "./memory.js";
import { troubleCard } from "./panels.js";
import { retell } from "./past.js";
import { explain, explainFailure } from "./words.js";

const LEFT = Symbol("the user went on to something else");
const STOPPED = Symbol("the user stopped before the server had answered");
const STOP_PATIENCE_MS = 3_000;

/** What is remembered, without a message that somebody else wrote before they signed out. */
const own = (memory) =>
  memory.pending?.by === identity.name() ? memory : { ...memory, pending: null };

/**
 * The session of this tab.
 *
 * `events` has `onState(state)` (`loading`, `ready`, `streaming`, `stopping`), `onLink(state)`,
 * `onReference(id)`, `onHelp(panel)`, `onApproval(frame)`, `onAnswer(answer)` once it has ended,
 * `onAgain(text)` and `onRestart(text)` when the user wants to say the same again, here or in a
 * new session.
 */
export class Conversation {
  #log;
  #events;
  #state = "loading";
  #line = new AbortController();
  #past = new AbortController();
  #runId = null;

  constructor(log, events) {
    this.#log = log;
    this.#events = events;
  }

  get state() {
    return this.#state;
  }

  /** Send a message and follow its answer to the end. */
  async send(text, { persona, context }) {
    const sessionId = recall().sessionId ?? api.newId("ses");
    const told = { message: text, session_id: sessionId, persona_type: persona };
    const body = context ? { ...told, context } : told;
    const pending = { body, key: api.newId("key"), by: identity.name() };
    remember({ sessionId, persona, pending });
    await this.#settle(() => this.#deliver(pending, this.#log.addUser(text)));
  }

  /** End the running answer; what is there of it stays. */
  async stop() {
    if (this.#state !== "streaming") return;
    this.#setState("stopping");
    if (this.#runId) return this.#cancel();
    const line = this.#line;
    setTimeout(() => this.#runId ?? line.abort(STOPPED), STOP_PATIENCE_MS);
  }

  /** Turn away from this conversation; `stop` ends an answer that nobody will read. */
  leave({ stop = true } = {}) {
    this.hold();
    const busy = this.#state === "streaming" || this.#state === "stopping";
    if (stop && busy && this.#runId) api.cancel(this.#runId).catch(() => {}); // its end will come
    this.#log.clear();
    remember({ sessionId: null, pending: null, flags: {} });
    this.#setState("ready");
  }

  /** Hear no more, until `rejoin` or `leave`. */
  hold() {
    this.#line.abort(LEFT);
    this.#past.abort(LEFT);
  }

  /** Show what was said before, and go on with what is being said; false if it has expired. */
  async rejoin() {
    this.hold();
    this.#log.clear();
    this.#setState("loading");
    let found = true;
    await this.#settle(async () => {
      const messages = await this.#history();
      // Beside the rest: an answer that is still being made may wait for hours.
      retell(answered(messages), this.#log, (this.#past = new AbortController()).signal);
      const { pending } = own(recall());
      found = messages.length > 0 || Boolean(pending);
      if (pending) await this.#deliver(pending, this.#log.addUser(pending.body.message));
      if (messages.length > 0) await this.#catchUp(messages);
    });
    return found;
  }

  /** Do something that leaves the conversation ready again, unless the user went elsewhere. */
  async #settle(work) {
    try {
      await work();
    } catch (error) {
      if (error === LEFT) return;
      throw error;
    }
    this.#setState("ready");
  }

  async #history() {
    const { sessionId, flags = {} } = recall();
    const { signal } = this.#renew();
    try {
      const ask = (stop) => api.history(sessionId, stop);
      const messages = await insist(ask, { onLink: this.#events.onLink, signal });
      for (const message of messages) this.#show(message, flags);
      return messages;
    } catch (error) {
      if (error instanceof api.ApiError && error.status === 404) return [];
      throw error;
    }
  }

  #show(message, flags) {
    const runId = message.run_id ?? "";
    if (message.role === "user") return void this.#log.addUser(message.content, runId);
    const answer = this.#log.addAnswer({ runId });
    if (flags[runId]) answer.help(flags[runId], { live: false });
    answer.restore(message);
  }

  /** Follow what is live in the session, then what ended while nobody looked. */
  async #catchUp(messages) {
    const { sessionId } = recall();
    const seen = new Set([this.#runId, ...answered(messages)]);
    for (;;) {
      const runId = await this.#pickUp((signal) => api.live(sessionId, signal));
      if (!runId || seen.has(runId)) break;
      seen.add(runId);
    }
    for (const { role, run_id: runId } of messages) {
      if (role !== "user" || !runId || seen.has(runId)) continue;
      await this.#pickUp((signal) => api.events(runId, -1, signal));
    }
  }

  /** Follow a run that is there already; resolves to its id, or null when it is gone. */
  async #pickUp(open) {
    let turn = null;
    try {
      return await this.#follow(open, (frame) => {
        turn ??= { answer: this.#log.addAnswer({ runId: frame.run_id }), question: null };
        return turn;
      });
    } catch (error) {
      if (error === LEFT) throw error;
      turn?.answer.end("failed", troubleCard(explain(error)));
      return null;
    }
  }

  async #deliver(pending, question) {
    const answer = this.#log.addAnswer({ question });
    this.#setState("streaming");
    try {
      const open = (signal) => api.chat(pending.body, pending.key, signal);
      await this.#follow(open, () => ({ answer, question }));
    } catch (error) {
      if (error === LEFT) throw error;
      this.#explain(error, answer, pending, question);
    }
  }

  /** Say why a message did not get through, and offer to send it again as the same message. */
  #explain(error, answer, pending, question) {
    const trouble = explain(error);
    if (trouble.reference) this.#events.onReference(trouble.reference);
    if (!trouble.retryable || error === STOPPED) remember({ pending: null });
    const again = () => {
      if (this.#state !== "ready") return;
      if (trouble.restart) return this.#events.onRestart(pending.body.message);
      answer.element.remove();
      remember({ pending });
      this.#settle(() => this.#deliver(pending, question));
    };
    answer.end("failed", troubleCard(trouble, { onRetry: again }));
  }

  #follow(open, turnOf) {
    this.#runId = null;
    return follow({
      open,
      signal: this.#renew().signal,
      onFrame: (frame) => this.#take(frame, turnOf(frame)),
      onLink: (link) => {
        this.#events.onLink(link);
        // The wish to stop may have been lost with the line.
        if (link === "connected" && this.#runId && this.#state === "stopping") this.#cancel();
      },
    });
  }

  #take(frame, { answer, question }) {
    if (!this.#runId) this.#accept(frame.run_id, answer, question);
    this.#events.onReference(frame.correlation_id);
    if (frame.type === "safety.flagged") {
      remember({ flags: { ...recall().flags, [frame.run_id]: frame } });
    }
    answer.apply(frame);
    if (frame.type === "safety.flagged") this.#events.onHelp(answer.helpPanel);
    if (frame.type === "approval.requested") this.#events.onApproval(frame);
    if (!frame.is_final) return;
    const status = endOf(frame);
    answer.end(status, status === "failed" ? this.#failure(frame) : null);
    this.#events.onAnswer(answer);
  }

  /** The first frame: the message is safe with the server, and has a run. */
  #accept(runId, answer, question) {
    this.#runId = runId;
    this.#log.adopt(runId, question, answer);
    remember({ pending: null });
    if (this.#state === "stopping") this.#cancel();
    else this.#setState("streaming");
  }

  #failure(frame) {
    const text = this.#log.questionOf(frame.run_id);
    const onRetry = text && (() => this.#state === "ready" && this.#events.onAgain(text));
    return troubleCard(explainFailure(frame), { onRetry });
  }

  async #cancel() {
    try {
      await api.cancel(this.#runId);
    } catch (error) {
      const over = error instanceof api.Unreachable || error.status === 404 || error.status === 409;
      if (!over && this.#state === "stopping") this.#setState("streaming"); // let them try again
    }
  }

  #renew() {
    this.#line = new AbortController();
    return this.#line;
  }

  #setState(state) {
    this.#state = state;
    this.#events.onState(state);
  }
}

/** The runs whose answers stand in a history, oldest first. */
const answered = (messages) =>
  messages.filter((each) => each.role === "assistant" && each.run_id).map((each) => each.run_id);
