/**
 * Media times of what a hand does: its own pace, kept close to what is on screen while that moves.
 * @module
 */

/** The media time of a sample stays this close to the screen's, in seconds. */
const CLOCK_BEHIND = 0.1;
const CLOCK_AHEAD = 0.25;

/** @typedef {import('./tracks.js').Stroke} Stroke */

export class HandClock {
  /** Wall time of the newest sample of a stroke, ms. @type {WeakMap<Stroke, number>} */
  #handAt = new WeakMap();

  /** A hand comes down. @param {Stroke} stroke @param {number} at wall time, ms */
  begin(stroke, at) {
    this.#handAt.set(stroke, at);
  }

  /**
   * The media time of its next sample, in seconds.
   * @param {Stroke} stroke
   * @param {number} at wall time, ms
   * @param {import('./brush.js').Session} session
   */
  time(stroke, at, { position, rate, stream }) {
    const before = stroke.last.t;
    const elapsed = Math.max(0, at - (this.#handAt.get(stroke) ?? at)) / 1000;
    this.#handAt.set(stroke, at);
    if (stroke.kind === 'path' || stream.paused) return before + elapsed;
    const screen = position(at);
    const running = before + elapsed * rate();
    return Math.max(before, Math.min(Math.max(running, screen - CLOCK_BEHIND), screen + CLOCK_AHEAD));
  }
}
