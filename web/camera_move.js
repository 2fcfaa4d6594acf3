/**
 * One move of the camera: what hands wanted of it, from when it left its rest until it stood again. It can be made once more, chunk
 * for chunk, and as far: what came to the server a chunk too late is made up for at its end.
 * @module
 */
import { STILL, bounded, stands, sum, times } from './camera_motion.js';
import { told } from './told.js';

/**
 * @typedef {import('./camera_motion.js').Motion} Motion
 * @typedef {import('./acks.js').Ack} Ack
 */

/**
 * @typedef {import('./told.js').Told} Told
 * @typedef {{motion: Motion, told: Told}} Step what the stream was told
 * @typedef {{motion: Motion, at: number}} Due what is to be wanted from a chunk on, counted from the first
 */

/** So often what is made again may be corrected: a correction may be late itself. */
const CORRECTIONS = 3;

/** @param {Step[]} steps whose chunks are known @returns {Due[]} */
function asDue(steps) {
  return steps.map(({ motion, told }) => ({ motion, at: Number(told.chunk) - Number(steps[0].told.chunk) }));
}

/** How far it goes until the last one is due: chunks times what is wanted in them. @param {Due[]} due @returns {Motion} */
function distance(due) {
  return sum(due.slice(1).map(({ at }, index) => times(due[index].motion, at - due[index].at)));
}

export class CameraMove {
  phase = /** @type {const} */ ('released');
  left = null;
  /** Whether it is being made once more, which ends by itself. */
  underWay = false;
  /** What hands wanted. @type {Step[]} */
  #steps = [];
  /** What is wanted where it is made once more, and since when. @type {Due[]} */
  #due = [];
  #since;
  /** What the stream was told of it then. @type {Step[]} */
  #done = [];
  #corrections = 0;
  #told;
  #make;

  /** @param {Ack} began what the server says of its beginning @param {(move: CameraMove) => void} make makes it once more */
  constructor(began, make) {
    this.#make = make;
    this.began = began;
    this.#told = this.#since = told(began);
  }

  /** It begins once more. @param {Ack} ack of its first control */
  begin(ack) {
    this.began = ack;
    this.#told = this.#since = told(ack);
    this.#done = [];
    this.#corrections = 0;
  }

  /** The chunk that shows it first, as far as the server has said. @returns {number | null} */
  get beginChunk() {
    return this.#told.chunk;
  }

  /** Something else is wanted. @param {Motion} motion @param {Ack} ack */
  turn(motion, ack) {
    this.#steps.push({ motion, told: told(ack) });
  }

  /** It is made once more, as soon as it is known how it was made. */
  async again() {
    await Promise.all(this.#steps.map((step) => step.told.known));
    this.#steps = this.#steps.filter((step) => step.told.chunk !== null);
    this.#due = asDue(this.#steps);
    if (this.#steps.length > 0) this.#make(this);
  }

  /** The stream was told what it wants, where it is made once more. @param {Motion} motion @param {Ack} ack */
  did(motion, ack) {
    this.#done.push({ motion, told: told(ack) });
  }

  /** What it wants in the chunk after one. @param {number} chunk @returns {Motion} */
  after(chunk) {
    const chunks = this.#chunks(chunk);
    return this.#due.filter(({ at }) => at <= Math.max(0, chunks)).at(-1)?.motion ?? STILL;
  }

  /** Whether it wants nothing more then. @param {number} chunk the newest that was made */
  over(chunk) {
    return this.#since.chunk !== null && this.#chunks(chunk) >= (this.#due.at(-1)?.at ?? 0);
  }

  /** @param {number} chunk */
  #chunks(chunk) {
    return this.#since.chunk === null ? 0 : chunk + 1 - this.#since.chunk;
  }

  /**
   * Once it is over: what it went too short or too far is wanted for one chunk more.
   * @returns {Promise<Motion | null>} null where it went as far as before
   */
  async correction() {
    await Promise.all(this.#done.map((step) => step.told.shown));
    const done = asDue(this.#done.filter((step) => step.told.chunk !== null));
    const rest = bounded(sum([distance(asDue(this.#steps)), times(distance(done), -1)]));
    if (stands(rest) || this.#corrections === CORRECTIONS) return null;
    this.#corrections += 1;
    this.#due = [{ motion: rest, at: 0 }, { motion: STILL, at: 1 }];
    return rest;
  }

  /** A correction has begun. @param {Ack} ack of its control */
  corrects(ack) {
    this.#since = told(ack);
  }

  /** Whether it is still there when the stream goes back to the end of `chunk`. @param {number} chunk */
  outlives(chunk) {
    return (this.beginChunk ?? Infinity) <= chunk;
  }
}
