/** The page: puts the parts together and listens to what the user does. */

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Earlier } from "./earlier.js";
import { insist } from "./follow.js";
import { Log } from "./log.js";
import { recall, remember } from "./memory.js";
import { troubleCard } from "./panels.js";
import { introduce, pick, showCards } from "./personas.js";
import { stayAtEnd } from "./scroll.js";
import { announce, showLink, showReference, showTrace, watchLink } from "./status.js";
import { tellWhereTracesAre, traceOf } from "./trace.js";
import { Who } from "./who.js";
import { explain } from "./words.js";

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const context = contextIn(asked);

const log = new Log($("log"));
const { toEnd, keep } = stayAtEnd($("scroller"), $("log"), $("latest"));
const composer = new Composer({ onSend: send, onStop: () => conversation.stop() });
const conversation = new Conversation(log, {
  onState: composer.setState,
  onLink: showLink,
  onReference: showReference,
  onHelp: keep,
  onApproval: ({ by, summary }) =>
    announce(`${by === "user" ? "Your yes" : "Somebody’s yes"} is needed. ${summary}`),
  onAnswer: tell,
  onAgain: send,
  onRestart: (text) => {
    begin();
    send(text);
  },
});

const who = new Who({
  onEnter: enter,
  onAsk: () => {
    conversation.hold();
    earlier.clear();
  },
  onSignOut: () => begin(),
  // Whoever comes back to this part finds the answer, or the question that it waits for.
  onPlay: () => conversation.leave({ stop: false }),
  onPlayed: (words) => {
    announce(`You are now ${words}.`);
    begin({ focus: false });
  },
});
const earlier = new Earlier($("earlier"), reopen);

let personas = [];
let persona = null;

async function start() {
  try {
    const { auth, trace_url: traces } = await insist(api.service, patiently());
    tellWhereTracesAre(traces);
    if (who.meet(auth)) await enter();
  } catch (error) {
    fail(error);
  }
}

/** Go in as whoever this is, and on with what was being said. */
async function enter() {
  try {
    personas = await insist(api.personas, patiently());
  } catch (error) {
    return fail(error);
  }
  $("trouble").replaceChildren();
  const { sessionId, persona: remembered } = recall();
  choose(pick(personas, remembered, asked.get("persona")));
  if (sessionId) await rejoin();
  else begin();
}

function patiently() {
  return { onLink: showLink, signal: new AbortController().signal };
}

function fail(error) {
  if (error.status !== 401) $("trouble").replaceChildren(troubleCard(explain(error)));
}

async function rejoin() {
  document.body.dataset.view = "talk";
  try {
    if (!(await conversation.rejoin())) begin();
  } catch (error) {
    begin();
    $("trouble").replaceChildren(troubleCard({ ...explain(error), retryable: false }));
  }
}

/** Go on with one of the conversations from before. */
async function reopen({ session_id: sessionId, persona_type: name }) {
  choose(pick(personas, name));
  remember({ sessionId });
  await rejoin();
  toEnd();
  composer.focus();
}

/** Begin anew with the same persona. */
function begin({ focus = true } = {}) {
  conversation.leave();
  document.body.dataset.view = "welcome";
  document.body.dataset.listed = who.isSomebody;
  $("trouble").replaceChildren();
  $("scroller").scrollTop = 0;
  showReference("");
  if (focus) composer.focus();
  if (who.isSomebody) earlier.show((name) => pick(personas, name).display_name);
}

/** Make `chosen` the one who answers. */
function choose(chosen) {
  persona = chosen;
  log.persona = persona;
  remember({ persona: persona.name });
  introduce(persona, personas.indexOf(persona), send);
  const change = (other) => {
    $("chooser").close();
    if (other === persona) return;
    choose(other);
    begin();
  };
  $("choice").hidden = personas.length < 2;
  $("who").disabled = personas.length < 2;
  showCards($("choice"), personas, persona, change);
  showCards($("chooser").querySelector("[data-cards]"), personas, persona, change);
}

async function send(text) {
  if (conversation.state !== "ready") return;
  document.body.dataset.view = "talk";
  $("trouble").replaceChildren();
  composer.focus();
  const done = conversation.send(text, { persona: persona.name, context });
  toEnd();
  await done;
}

/** Read an answer out to those who listen rather than look, and show the way to its trace. */
async function tell(answer) {
  const ends = { completed: "", stopped: " (stopped)", failed: " (not finished)" };
  announce(`${persona.display_name}: ${answer.text}${ends[answer.status]}`);
  showTrace(await traceOf(answer.runId));
}

async function removeConversation() {
  const { sessionId } = recall();
  begin();
  try {
    if (sessionId) await api.remove(sessionId);
    announce("The conversation was deleted.");
  } catch (error) {
    if (error.status === 404) return;
    const trouble = { ...explain(error), title: "The conversation was not deleted" };
    $("trouble").replaceChildren(troubleCard({ ...trouble, retryable: false }));
  }
}

$("who").addEventListener("click", () => $("chooser").showModal());
$("latest").addEventListener("click", composer.focus);
$("help").addEventListener("click", () => {
  const panels = $("log").querySelectorAll(".help");
  panels[panels.length - 1].focus({ preventScroll: true });
  keep(panels[panels.length - 1]);
});
$("fresh").addEventListener("click", () => begin());
$("delete").addEventListener("click", () => {
  $("removal").returnValue = "keep"; // Escape leaves the last value in place
  $("removal").showModal();
});
$("removal").addEventListener("close", () => {
  if ($("removal").returnValue === "delete") removeConversation();
});

/** What the page around says is open; it tells the assistant what is meant, never what is allowed. */
function contextIn(query) {
  const told = ["page", "appointment", "patient"].filter((name) => query.has(name));
  return told.length > 0 ? Object.fromEntries(told.map((name) => [name, query.get(name)])) : null;
}

watchLink(() => conversation.state === "ready");
start();
