/** Keeping the newest words in sight, unless the reader has scrolled away from them. */

const NEAR_PX = 64;
const ABOVE_PX = 12;

/**
 * Follow the end of `scroller`; `button` leads back to it.
 *
 * Returns `toEnd()` and `keep(element)`: the latter goes on following only as far as the top
 * of `element` stays in sight, until `toEnd` is called again.
 */
export function stayAtEnd(scroller, content, button) {
  let following = true;
  let kept = null;
  const away = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  // Never smoothly: growing text would leave a slow scroll short of the end.
  const goTo = (top) => scroller.scrollTo({ top, behavior: "instant" });
  const toEnd = () => {
    following = true;
    kept = null;
    button.hidden = true;
    goTo(scroller.scrollHeight);
  };
  const topOf = (element) =>
    scroller.scrollTop + element.getBoundingClientRect().top -
    scroller.getBoundingClientRect().top - ABOVE_PX;
  const grown = () => {
    if (kept?.isConnected) goTo(Math.min(scroller.scrollHeight, topOf(kept)));
    else if (following) goTo(scroller.scrollHeight);
    button.hidden = away() < NEAR_PX;
  };
  const look = () => {
    following = away() < NEAR_PX;
    if (following) button.hidden = true;
  };

  scroller.addEventListener("scroll", look, { passive: true });
  for (const gesture of ["wheel", "touchmove", "keydown"]) {
    scroller.addEventListener(gesture, () => (kept = null), { passive: true });
  }
  const watcher = new ResizeObserver(grown);
  watcher.observe(content);
  watcher.observe(scroller); // a phone's keyboard comes and goes
  button.addEventListener("click", toEnd);
  const keep = (element) => {
    kept = element;
    grown();
  };
  return { toEnd, keep };
}
