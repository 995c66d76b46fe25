// Calls that come faster than they are to be answered.

/**
 * Calls at most once every `wait` ms, always with the last arguments.
 * @template {any[]} Arguments
 * @param {number} wait
 * @param {(...args: Arguments) => void} call
 * @param {{ leading?: boolean }} [options] leading: the first call is answered at once, not after `wait`
 * @returns {(...args: Arguments) => void}
 */
export function throttle(wait, call, { leading = true } = {}) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Arguments | null} */
  let next = null;
  function run() {
    const args = /** @type {Arguments} */ (next);
    next = null;
    if (leading) timer = setTimeout(due, wait);
    call(...args);
  }
  function due() {
    timer = undefined;
    if (next) run();
  }
  return (...args) => {
    next = args;
    if (timer !== undefined) return;
    if (leading) run();
    else timer = setTimeout(due, wait);
  };
}

/**
 * Acts with the next frame, or soon where none are drawn (a hidden page); further calls until then change nothing.
 * @param {() => void} act
 */
export function oncePerFrame(act) {
  let pending = false;
  const run = () => {
    if (!pending) return;
    pending = false;
    act();
  };
  return () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(run);
    setTimeout(run, 50);
  };
}
