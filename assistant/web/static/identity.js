/** For whom this tab speaks: the key or token it signs in with, and whom it plays in the demo. */

const TOKEN = "token";
const PLAYED = "demo_as";
const PARTS = new Set(["patient", "staff"]);

function read(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return ""; // storage is switched off
  }
}

function write(key, value) {
  try {
    if (value) sessionStorage.setItem(key, value);
    else sessionStorage.removeItem(key);
  } catch {
    // Without storage it lasts until the next reload.
  }
}

// Kept by the tab alone: nothing of it goes into an address, a cookie or the document.
let token = read(TOKEN);
let played = read(PLAYED);

/** Whether there is a key or token to show to the server. */
export const isSignedIn = () => token !== "";

/** Sign in with `secret` from the next request on. */
export function signIn(secret) {
  token = secret;
  write(TOKEN, secret);
}

/** Forget the key or token. */
export const signOut = () => signIn("");

/** Whom the demo is played as: `visitor`, `patient` or `staff`. */
export const part = () => (PARTS.has(played) ? played : "visitor");

/** Play the demo as `name` from the next request on. */
export function play(name) {
  played = PARTS.has(name) ? name : "";
  write(PLAYED, played);
}

/** Whom this tab speaks for, as far as it can tell: a token's `sub`, or a digest of the key. */
export function name() {
  if (!token) return part();
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"))).sub;
  } catch {
    let digest = 5381; // a key is not kept for longer than it is used
    for (const character of token) digest = (digest * 33 + character.charCodeAt(0)) % 0xffffffff;
    return `key ${digest}`;
  }
}

/** The headers that tell the server who asks. */
export function headers() {
  const told = {};
  if (token) told.Authorization = `Bearer ${token}`;
  if (part() !== "visitor") told["X-Demo-As"] = part();
  return told;
}
