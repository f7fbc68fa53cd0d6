/** Reading a response body as server-sent events. */

import { Unreachable } from "./api.js";

/** The server sends a comment at least every 15 s; three missed ones mean a dead line. */
const SILENCE_MS = 45_000;

/** Yield the parsed `data` of each event; ends with the body, throws `Unreachable` if it breaks. */
export async function* frames(response) {
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await readWithin(reader, SILENCE_MS);
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const frame = parse(block);
        if (frame) yield frame;
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // the reader may be broken already, which is as good
  }
}

async function readWithin(reader, limit) {
  let timer;
  const silence = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Unreachable(new Error("silence"))), limit);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } catch (error) {
    throw error instanceof Unreachable ? error : new Unreachable(error);
  } finally {
    clearTimeout(timer);
  }
}

function parse(block) {
  const data = block
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).replace(/^ /, ""))
    .join("\n");
  if (!data) return null;
  try {
    return JSON.parse(data);
  } catch (error) {
    throw new Unreachable(error); // cut in the middle: come back for the whole of it
  }
}
