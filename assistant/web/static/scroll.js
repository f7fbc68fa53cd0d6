/** Keeping the newest words in sight, unless the reader has scrolled away from them. */

const NEAR_PX = 64;

/** Follow the end of `scroller`; `button` leads back to it. Returns `toEnd`. */
export function stayAtEnd(scroller, content, button) {
  let following = true;
  const away = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const toEnd = ({ smooth = false } = {}) => {
    following = true;
    button.hidden = true;
    const behavior = smooth && !calm.matches ? "smooth" : "instant";
    scroller.scrollTo({ top: scroller.scrollHeight, behavior });
  };
  const look = () => {
    following = away() < NEAR_PX;
    if (following) button.hidden = true;
  };
  const grown = () => {
    if (following) toEnd();
    else button.hidden = away() < NEAR_PX;
  };

  // Only what the reader does changes the mind; our own scrolling ends near the end anyway.
  scroller.addEventListener("scroll", look, { passive: true });
  const watcher = new ResizeObserver(grown);
  watcher.observe(content);
  watcher.observe(scroller); // a phone's keyboard comes and goes
  button.addEventListener("click", () => {
    toEnd({ smooth: true });
    document.getElementById("message").focus({ preventScroll: true });
  });
  return toEnd;
}
