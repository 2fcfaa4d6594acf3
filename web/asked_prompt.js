/**
 * A prompt that was given to a stream, as one of the things that can be taken back and done again.
 * @module
 */
import { told } from './told.js';

/** @typedef {import('./acks.js').Ack} Ack */

export class AskedPrompt {
  phase = /** @type {const} */ ('released');
  left = null;
  underWay = false;
  #told;
  #ask;

  /** @param {() => Ack} ask gives it to the stream */
  constructor(ask) {
    this.#ask = ask;
    this.began = ask();
    this.#told = told(this.began);
  }

  /** It is given once more. */
  again() {
    this.began = this.#ask();
    this.#told = told(this.began);
  }

  /** The chunk that shows it first, as far as the server has said. @returns {number | null} */
  get beginChunk() {
    return this.#told.chunk;
  }

  /** Whether it still holds when the stream goes back to the end of `chunk`. @param {number} chunk */
  outlives(chunk) {
    return (this.beginChunk ?? Infinity) <= chunk;
  }
}
