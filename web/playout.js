/**
 * Which frame to show at what time: a jitter buffer that is as short as the network allows. Pure; times are given.
 *
 * The server paces itself by the playhead, so in the steady state frames come just before they are due. Whatever
 * has come is shown at its time; when the buffer runs dry the last picture stays, and the next frame to come is
 * shown at once and carries the clock with it. How late frames were lately is the `reserve`: the part of the
 * buffer that is reported to the server as not there, so that it sends earlier by that much. When frames come
 * slower than they play, playing slows down with them: even motion instead of run and stop. At what rate they are made the server
 * says, where it is less than real time: playing is no faster.
 * @module
 */

/** A hand feels all that is kept back: more than this is worse than a picture that stops now and then. */
const RESERVE_MAX_S = 0.4;
const RESERVE_HALF_LIFE_MS = 6000;
/** Slower is no motion any more: then the picture stops instead. */
const RATE_MIN = 0.4;
/** A frame: from half of the pace to all of it in about a second, which no eye sees as a jump. */
const RATE_STEP = 0.04;
/** Frames over which it is taken how fast they come: a second and a half at 16 a second. */
const ARRIVALS_KEPT = 24;

/**
 * @typedef {{pts: number}} Timed
 */

/** @template {Timed} F */
export class Playout {
  /** @type {F[]} */
  #queue = [];
  /** Media time `pts` belongs to wall time `at`; null until the first frame was shown. @type {{pts: number, at: number} | null} */
  #anchor = null;
  /** @type {F | null} */
  #shown = null;
  #rate = 1;
  /** The rate at which frames are made. */
  #limit = 1;
  #reserve = { seconds: 0, at: 0 };
  #dry = false;
  /** @type {{at: number, pts: number}[]} */
  #arrivals = [];
  /** Where what came ends, counting frames that cannot be shown. */
  #end = 0;
  /** Frames that were passed over because a later one was due already. */
  skipped = 0;
  /** Times the buffer ran dry while playing. */
  stalls = 0;

  /** @param {number} fps frames a second of the stream */
  constructor(fps) {
    if (!(fps > 0)) throw new RangeError(`fps is ${fps}: expected more than 0`);
    this.frameSeconds = 1 / fps;
  }

  /**
   * Takes a decoded frame, at wall time `now` (ms). Frames come in the order of their pts.
   * @param {F} frame
   * @param {number} now
   */
  push(frame, now) {
    if (this.#dry && this.#queue.length === 0) this.#resumeAt(frame, now);
    this.#end = frame.pts + this.frameSeconds;
    this.#arrivals.push({ at: now, pts: frame.pts });
    if (this.#arrivals.length > ARRIVALS_KEPT) this.#arrivals.shift();
    this.#queue.push(frame);
  }

  /**
   * A frame came that cannot be shown: who waits behind it must not be waited for by the server.
   * @param {number} pts
   */
  lose(pts) {
    this.#end = Math.max(this.#end, pts + this.frameSeconds);
  }

  /**
   * The frame to draw at wall time `now` (ms), or null to leave the picture. Frames passed over go to `discard`.
   * @param {number} now
   * @param {(frame: F) => void} discard
   * @returns {F | null}
   */
  next(now, discard) {
    /** @type {F | null} */
    let due = null;
    while (this.#queue.length > 0 && this.#due(this.#queue[0]) <= now) {
      if (due) {
        discard(due);
        this.skipped += 1;
      }
      due = /** @type {F} */ (this.#queue.shift());
      if (!this.#anchor) this.#anchor = { pts: due.pts, at: now };
    }
    if (due) {
      this.#shown = due;
      this.#dry = false;
      if (this.#rate < this.#limit && this.#queue.length > 1) this.#setRate(Math.min(this.#limit, this.#rate + RATE_STEP), now);
    } else if (!this.#dry && this.#shown && this.#queue.length === 0 && this.#endOfShown() <= now) {
      this.#dry = true;
    }
    return due;
  }

  /**
   * Media time at wall time `now`: what an eye sees, between frames too, but never more than one frame past the
   * picture on screen.
   * @param {number} now
   */
  position(now) {
    if (!this.#anchor || !this.#shown) return 0;
    const running = this.#anchor.pts + ((now - this.#anchor.at) / 1000) * this.#rate;
    return Math.min(Math.max(running, this.#shown.pts), this.#shown.pts + this.frameSeconds);
  }

  /**
   * What to tell the server: pts of the frame shown now (the end of what came when the buffer is dry) and the
   * seconds that wait after it, less the reserve.
   * @param {number} now
   */
  report(now) {
    const dry = this.#queue.length === 0 && (this.#dry || !this.#shown);
    if (dry) return { pts: Math.max(this.#end, this.#shown ? this.#shown.pts + this.frameSeconds : 0), buffered: 0 };
    const pts = this.#shown?.pts ?? this.#queue[0].pts;
    return { pts, buffered: Math.max(0, this.buffered - this.reserve(now)) };
  }

  /** Seconds of frames waiting. */
  get buffered() {
    return this.#queue.length * this.frameSeconds;
  }

  get rate() {
    return this.#rate;
  }

  get dry() {
    return this.#dry;
  }

  /**
   * Seconds by which frames were late lately: half of it is forgotten every few seconds.
   * @param {number} now
   */
  reserve(now) {
    return this.#reserve.seconds * 2 ** (-(now - this.#reserve.at) / RESERVE_HALF_LIFE_MS);
  }

  /**
   * Frames are made at this share of real time from now on.
   * @param {number} rate
   * @param {number} now
   */
  limit(rate, now) {
    this.#limit = rate;
    if (this.#rate <= rate) return;
    if (this.#anchor) this.#setRate(rate, now);
    else this.#rate = rate;
  }

  /**
   * A pause that was asked for is no stall: what comes after it is not late.
   */
  hold() {
    this.#arrivals = [];
    this.#held = true;
  }

  #held = false;

  /**
   * Forgets all frames and the clock, for a jump in the stream.
   * @param {(frame: F) => void} discard
   */
  flush(discard) {
    this.#queue.forEach(discard);
    this.#queue = [];
    this.#anchor = null;
    this.#arrivals = [];
    this.#dry = false;
    this.#end = 0;
  }

  /** @param {F} frame */
  #due(frame) {
    if (!this.#anchor) return -Infinity;
    return this.#anchor.at + ((frame.pts - this.#anchor.pts) / this.#rate) * 1000;
  }

  /** Wall time at which the picture on screen has had its time. */
  #endOfShown() {
    const shown = /** @type {F} */ (this.#shown);
    return this.#due(/** @type {F} */ ({ ...shown, pts: shown.pts + this.frameSeconds }));
  }

  /**
   * The buffer was dry and `frame` ends that: it is shown now, and how late it was counts, unless a pause was
   * asked for.
   * @param {F} frame
   * @param {number} now
   */
  #resumeAt(frame, now) {
    const late = Math.max(0, now - this.#due(frame)) / 1000;
    if (!this.#held) {
      this.stalls += 1;
      const seconds = Math.min(RESERVE_MAX_S, Math.max(this.reserve(now), late));
      this.#reserve = { seconds, at: now };
      this.#rate = Math.max(RATE_MIN, Math.min(this.#limit, this.#throughput()));
    }
    this.#held = false;
    this.#anchor = { pts: frame.pts, at: now };
  }

  /** Media seconds that came in a second, over the frames kept; 1 while there are too few to tell. */
  #throughput() {
    const first = this.#arrivals[0];
    const last = this.#arrivals.at(-1);
    if (!first || !last || this.#arrivals.length < ARRIVALS_KEPT / 2 || last.at <= first.at) return 1;
    return (last.pts - first.pts) / ((last.at - first.at) / 1000);
  }

  /**
   * Changes the rate without moving the clock.
   * @param {number} rate
   * @param {number} now
   */
  #setRate(rate, now) {
    this.#anchor = { pts: this.position(now), at: now };
    this.#rate = rate;
  }
}
