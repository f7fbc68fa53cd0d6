/** The page: puts the parts together and listens to what the user does. */

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { insist } from "./follow.js";
import { Log } from "./log.js";
import { recall, remember } from "./memory.js";
import { troubleCard } from "./panels.js";
import { introduce, pick, showCards } from "./personas.js";
import { stayAtEnd } from "./scroll.js";
import { announce, showLink, showReference, watchLink } from "./status.js";
import { explain } from "./words.js";

const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const context = asked.has("page") ? { page: asked.get("page") } : null;

const log = new Log($("log"));
const { toEnd, keep } = stayAtEnd($("scroller"), $("log"), $("latest"));
const composer = new Composer({ onSend: send, onStop: () => conversation.stop() });
const conversation = new Conversation(log, {
  onState: composer.setState,
  onLink: showLink,
  onReference: showReference,
  onHelp: keep,
  onApproval: ({ summary }) => announce(`An approval is needed. ${summary}`),
  onAnswer: tell,
  onAgain: send,
  onRestart: (text) => {
    begin();
    send(text);
  },
});

let personas = [];
let persona = null;

async function start() {
  const { signal } = new AbortController();
  try {
    personas = await insist(api.personas, { onLink: showLink, signal });
  } catch (error) {
    $("trouble").replaceChildren(troubleCard(explain(error)));
    return;
  }
  const { sessionId, persona: remembered } = recall();
  choose(pick(personas, remembered, asked.get("persona")));
  watchLink(() => conversation.state === "ready");
  if (!sessionId) return begin();
  document.body.dataset.view = "talk";
  try {
    if (!(await conversation.rejoin())) begin();
  } catch (error) {
    begin();
    $("trouble").replaceChildren(troubleCard({ ...explain(error), retryable: false }));
  }
}

/** Begin anew with the same persona. */
function begin() {
  conversation.leave();
  document.body.dataset.view = "welcome";
  $("trouble").replaceChildren();
  $("scroller").scrollTop = 0;
  showReference("");
  composer.focus();
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

/** Read an answer out to those who listen rather than look. */
function tell(answer) {
  const ends = { completed: "", stopped: " (stopped)", failed: " (not finished)" };
  announce(`${persona.display_name}: ${answer.text}${ends[answer.status]}`);
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
$("fresh").addEventListener("click", begin);
$("delete").addEventListener("click", () => {
  $("removal").returnValue = "keep"; // Escape leaves the last value in place
  $("removal").showModal();
});
$("removal").addEventListener("close", () => {
  if ($("removal").returnValue === "delete") removeConversation();
});

start();
