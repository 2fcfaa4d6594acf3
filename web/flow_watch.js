/**
 * Whether pictures come that should. Pure, but for the clock.
 * @module
 */

/** A picture that comes later than this is missed aloud: a network that is gone says nothing of it for a while. */
const STALLED_MS = 3000;

export class FlowWatch {
  /** When the newest picture came, or could have; Infinity once its absence was told. */
  #at = 0;

  /** A picture came. */
  came() {
    this.#at = performance.now();
  }

  /** Whether they are late, which is told once. @param {boolean} expected whether pictures should come now */
  late(expected) {
    if (!expected) this.came();
    if (this.#at === Infinity || performance.now() - this.#at < STALLED_MS) return false;
    this.#at = Infinity;
    return true;
  }
}
