/**
 * What a hand would take: asks the server while a pointer hovers. One question at a time, the newest next.
 * @module
 */
import { Emitter } from './emitter.js';
import { inside } from './region.js';

/** An answer that did not come by then will not come; a busy machine takes its time. */
const PATIENCE_MS = 8000;
/** The picture moves on under a pointer that rests: an outline is asked for again after so long. */
const FRESH_MS = 900;
const SAME_PLACE = 0.004;
const REST_MS = 50;
/** Answers after which there is no use in asking this stream again. */
const NEVER = ['unsupported', 'unknown_type'];

/**
 * @typedef {import('./protocol.js').Outline} Outline
 * @typedef {{x: number, y: number, add?: [number, number][], remove?: [number, number][]}} Touch
 * @typedef {{touch: Touch, hovering: boolean, settle: (outline?: Outline | null) => void}} Question
 */

/** @extends {Emitter<{found: null}>} */
export class Prober extends Emitter {
  /** @type {import('./stream.js').Stream | null} */
  #stream = null;
  /** @type {Question | null} */
  #asked = null;
  /** @type {Question | null} */
  #next = null;
  /** @type {{x: number, y: number} | null} */
  #pointer = null;
  /** @type {Outline | null} */
  #found = null;
  #foundAt = 0;

  /** @param {import('./stream.js').Stream | null} stream null while nothing can be asked */
  attach(stream) {
    this.#stream = stream;
    this.#asked?.settle();
    this.#next?.settle();
    this.#asked = this.#next = this.#pointer = this.#found = null;
  }

  /** What lies under the pointer, as far as it is known. @returns {Outline | null} */
  get outline() {
    return this.#found && this.#pointer && inside(this.#found.region, this.#pointer) ? this.#found : null;
  }

  /** The pointer hovers here; null when it is gone, or holds something. @param {{x: number, y: number} | null} pointer */
  look(pointer) {
    this.#pointer = pointer;
    this.lookAgain();
  }

  /** The picture has changed under the pointer. */
  lookAgain() {
    const now = performance.now();
    const pointer = this.#pointer;
    if (!pointer || !this.#stream || now < this.#restUntil) return;
    const rests = Math.hypot(pointer.x - (this.#found?.x ?? Infinity), pointer.y - (this.#found?.y ?? Infinity)) < SAME_PLACE;
    const known = (rests || this.outline !== null) && now - this.#foundAt < FRESH_MS;
    // What a click has asked is not put off for what a pointer passes over.
    if (!known && (this.#next?.hovering ?? true)) this.ask({ x: pointer.x, y: pointer.y }, true);
  }

  #restUntil = 0;

  /**
   * What a hand would take with these touches; null when it is not told, undefined when nobody waits for it any more:
   * a newer question took its place, or the stream has ended.
   * @param {Touch} touch
   * @param {boolean} [hovering] whether nobody has pressed
   * @returns {Promise<Outline | null | undefined>}
   */
  ask(touch, hovering = false) {
    return new Promise((settle) => {
      this.#next?.settle();
      this.#next = { touch, hovering, settle };
      this.#go();
    });
  }

  async #go() {
    if (!this.#stream) {
      this.#next?.settle(null);
      this.#next = null;
    }
    if (!this.#stream || this.#asked || !this.#next) return;
    const question = (this.#asked = this.#next);
    this.#next = null;
    const answer = this.#stream.probe(question.touch).catch((error) => {
      if (!NEVER.includes(error.code)) return null;
      for (const asked of [question, this.#next]) asked?.settle(null);
      this.attach(null);
      return null;
    });
    const asked = performance.now();
    const outline = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null))]);
    if (this.#asked !== question) return;
    this.#asked = null;
    const now = performance.now();
    if (outline) {
      this.#found = outline;
      this.#foundAt = now;
      this.emit('found', null);
    }
    // what answers is what makes the stream: a pointer that hovers asks half of the time at most
    this.#restUntil = now + Math.max(REST_MS, now - asked);
    question.settle(outline);
    if (this.#next) this.#go();
    else setTimeout(() => this.lookAgain(), this.#restUntil - now);
  }
}
