/** The things that stand between the words: where to find help, and what went wrong. */

import { make } from "./render.js";

const CONTACT = /(https?:\/\/\S+|(?:[a-z0-9-]+\.)+[a-z]{2,}(?:\/\S*)?|\+?\d[\d\s().-]*\d)/i;

/** A calm, prominent panel with the places that can help. */
export function helpPanel({ category = "", severity = "", message = "", resources = [] }, { live }) {
  const panel = make("section", "help", make("h2", "", "Help is here for you"));
  panel.dataset.category = category;
  panel.dataset.severity = severity;
  panel.tabIndex = -1; // so that the page can lead back to it
  if (live) panel.role = "alert"; // on a reload it is old news, and not called out again
  else panel.ariaLabel = "Help";
  if (message) panel.append(make("p", "", message));
  const list = make("ul");
  for (const { name, contact, note } of resources) {
    const place = make("span", "place", make("strong", "", name));
    if (note) place.append(make("span", "note", note));
    list.append(make("li", "", place, make("span", "contact", ...linked(contact))));
  }
  if (resources.length > 0) panel.append(list);
  return panel;
}

/** Turn the phone numbers and hosts in a contact into links, and leave the rest as text. */
function linked(contact) {
  const scheme = /^\s*(text|sms)\b/i.test(contact) ? "sms" : "tel";
  return contact.split(CONTACT).map((piece, index) => {
    if (index % 2 === 0) return piece;
    const digits = piece.replaceAll(/\D/g, "");
    if (/^\+?\d[\d\s().-]*$/.test(piece)) {
      if (digits.length < 3) return piece;
      return link(`${scheme}:${piece.startsWith("+") ? "+" : ""}${digits}`, piece);
    }
    return link(`https://${piece.replace(/^https?:\/\//i, "")}`, piece);
  });
}

function link(href, text) {
  const anchor = make("a", "", text);
  anchor.href = href;
  if (href.startsWith("https:")) {
    anchor.target = "_blank";
    anchor.rel = "noopener noreferrer";
  }
  return anchor;
}

/** A card for something that went wrong, with a way on where there is one. */
export function troubleCard(trouble, { onRetry = null } = {}) {
  const card = make("div", "trouble", make("strong", "", trouble.title));
  card.role = "alert";
  card.dataset.role = "error";
  if (trouble.detail) card.append(make("p", "", trouble.detail));
  const row = make("div", "row");
  if (onRetry && trouble.retryable) row.append(retryButton(trouble, onRetry));
  if (trouble.reference) row.append(referenceTag(trouble.reference));
  if (row.childElementCount > 0) card.append(row);
  return card;
}

/** A button that waits as long as the server asked us to. */
function retryButton({ action = "Try again", retryAfter }, onRetry) {
  const words = make("span", "", action);
  const button = make("button", "solid", words);
  button.type = "button";
  button.dataset.action = "retry";
  const until = Date.now() + (retryAfter ?? 0) * 1000;
  const tick = () => {
    const left = Math.ceil((until - Date.now()) / 1000);
    button.ariaDisabled = String(left > 0);
    words.textContent = left > 0 ? `${action} in ${left} s` : action;
    if (left > 0) setTimeout(tick, 250);
  };
  tick();
  button.addEventListener("click", () => {
    if (Date.now() >= until) onRetry();
  });
  return button;
}

/** A correlation id with a button that copies it. */
export function referenceTag(id) {
  const code = make("code", "", id);
  const button = make("button", "copy", "Copy");
  button.type = "button";
  button.ariaLabel = "Copy the reference";
  button.addEventListener("click", async () => {
    const done = await copy(code);
    button.textContent = done ? "Copied" : "Selected";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  const tag = make("span", "tag", "Reference", code, button);
  tag.title = "Give this to whoever looks after the service if something went wrong.";
  return tag;
}

/** A link to what the server did for an answer. */
export function traceLink(address) {
  const link = make("a", "", "Trace");
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.title = "See what the server did for this answer.";
  return link;
}

/** Put an element's text on the clipboard; where that is not allowed, select it for the user. */
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element); // no HTTPS, or no permission
    return document.execCommand("copy");
  }
}
