/** Who one can talk to: the cards to choose from, the greeting, and the notice. */

import { make, render } from "./render.js";

const TINTS = 4;
const $ = (id) => document.getElementById(id);

/** Return the persona to begin with: the one remembered or asked for, else the default. */
export function pick(personas, ...wanted) {
  for (const name of wanted) {
    const found = personas.find((persona) => persona.name === name);
    if (found) return found;
  }
  return personas.find((persona) => persona.is_default) ?? personas[0];
}

/** Fill `container` with one card for each persona. */
export function showCards(container, personas, current, onPick) {
  container.replaceChildren(...personas.map((persona, index) => {
    const face = make("span", "face", persona.display_name.charAt(0).toUpperCase());
    face.ariaHidden = "true";
    const text = make(
      "span", "card-text",
      make("span", "card-name", persona.display_name),
      make("span", "card-title", persona.title),
      make("span", "card-about", persona.description),
    );
    const card = make("button", "card", face, text);
    card.type = "button";
    card.dataset.persona = persona.name;
    card.dataset.tint = index % TINTS;
    card.ariaPressed = String(persona === current);
    card.addEventListener("click", () => onPick(persona));
    return card;
  }));
}

/** Dress the page for `persona`: header, greeting, starters, notice, colour. */
export function introduce(persona, index, onStarter) {
  document.body.dataset.tint = index % TINTS;
  document.body.dataset.persona = persona.name;
  document.title = `${persona.display_name} · ${persona.title}`;
  for (const face of document.querySelectorAll("[data-face]")) {
    face.textContent = persona.display_name.charAt(0).toUpperCase();
  }
  document.querySelector("[data-name]").textContent = persona.display_name;
  document.querySelector("[data-title]").textContent = persona.title;
  $("who").hidden = false;
  render($("greeting"), persona.greeting);
  $("message").placeholder = `Write to ${persona.display_name}`;
  $("starters").replaceChildren(...(persona.starters ?? []).map((text) => {
    const button = make("button", "starter", text);
    button.type = "button";
    button.dataset.role = "starter";
    button.addEventListener("click", () => onStarter(text));
    return make("li", "", button);
  }));
  document.querySelector("[data-notice]").textContent = persona.notice ?? "";
  showModel(persona);
}

function showModel({ provider, model }) {
  const place = $("model");
  place.dataset.provider = provider ?? "";
  place.textContent = provider === "demo"
    ? "Demo model: scripted answers, no language model."
    : `Answers are written by ${model || "a language model"}.`;
}
