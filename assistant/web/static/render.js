/** Text to DOM: paragraphs, line breaks, lists, bold and code; never through HTML. */

const BULLET = /^\s*[-*•]\s+/;
const NUMBER = /^\s*\d{1,3}[.)]\s+/;
const INLINE = /(\*\*[^*\n]+\*\*|`[^`\n]+`)/;

/** Return a new element with a class and children (elements or strings). */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Show `text` in `container`; blocks that have not changed since the last call are left alone. */
export function render(container, text) {
  const blocks = text.split(/\n\s*\n/).filter((block) => block.trim());
  blocks.forEach((source, index) => {
    const old = container.children[index];
    if (old?.source === source) return;
    const fresh = block(source);
    fresh.source = source;
    if (old) old.replaceWith(fresh);
    else container.append(fresh);
  });
  while (container.children.length > blocks.length) container.lastElementChild.remove();
}

function block(source) {
  const lines = source.replace(/^\n+|\s+$/g, "").split("\n");
  for (const [marker, tag] of [[BULLET, "ul"], [NUMBER, "ol"]]) {
    const start = lines.findIndex((line) => marker.test(line));
    if (start >= 0 && lines.slice(start).every((line) => marker.test(line))) {
      return listed(lines, start, marker, tag);
    }
  }
  return paragraph(lines);
}

/** A list, with the lines before it, if any, as its lead. */
function listed(lines, start, marker, tag) {
  const list = make(tag);
  if (tag === "ol") list.start = Number.parseInt(lines[start], 10);
  for (const line of lines.slice(start)) {
    list.append(make("li", "", ...inline(line.replace(marker, ""))));
  }
  return start === 0 ? list : make("div", "led", paragraph(lines.slice(0, start)), list);
}

function paragraph(lines) {
  const element = make("p");
  lines.forEach((line, index) => {
    if (index > 0) element.append(make("br"));
    element.append(...inline(line));
  });
  return element;
}

function inline(line) {
  return line.split(INLINE).filter(Boolean).map((piece) => {
    if (piece.length > 4 && piece.startsWith("**") && piece.endsWith("**")) {
      return make("strong", "", piece.slice(2, -2));
    }
    if (piece.length > 2 && piece.startsWith("`") && piece.endsWith("`")) {
      return make("code", "", piece.slice(1, -1));
    }
    return piece;
  });
}
