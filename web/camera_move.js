/**
 * One move of the camera: what hands wanted of it, from when it left its rest until it stood again. It can be made once more, chunk
 * for chunk.
 * @module
 */

/**
 * @typedef {import('./camera.js').Motion} Motion
 * @typedef {import('./acks.js').Ack} Ack
 */

/** @typedef {{chunk: number | null, known: Promise<void>}} Told the chunk that shows a control first, and when the server has said that */

/** Of a control that a connection took along, or a stream that went back. */
const ignore = () => {};

/** @param {Ack} ack @returns {Told} */
function told({ queued, applied }) {
  /** @param {{chunk: number}} answer */
  const hear = ({ chunk }) => void (told.chunk = chunk);
  /** @type {Told} */
  const told = { chunk: null, known: queued.then(hear, ignore) };
  applied.then(hear, ignore); // it may be one later than was expected
  return told;
}

export class CameraMove {
  phase = /** @type {const} */ ('released');
  left = null;
  /** Whether it is being made once more, which ends by itself. */
  underWay = false;
  /** What was wanted, and the chunk that showed it first. @type {{motion: Motion, told: Told}[]} */
  #steps = [];
  #told;
  #make;

  /** @param {Ack} began what the server says of its beginning @param {(move: CameraMove) => void} make makes it once more */
  constructor(began, make) {
    this.#make = make;
    this.began = began;
    this.#told = told(began);
  }

  /** It begins once more. @param {Ack} ack of its first control */
  begin(ack) {
    this.began = ack;
    this.#told = told(ack);
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
    if (this.#steps.length > 0) this.#make(this);
  }

  /** What it wants in a chunk. @param {number} chunks since its first @returns {Motion} */
  after(chunks) {
    const due = this.#steps.filter((_, index) => this.#at(index) <= Math.max(0, chunks));
    return due[due.length - 1].motion;
  }

  /** Whether nothing of it is left to do then. @param {number} chunks since its first */
  over(chunks) {
    return chunks >= this.#at(this.#steps.length - 1);
  }

  /** Chunks from its first to a step. @param {number} index */
  #at(index) {
    return Number(this.#steps[index].told.chunk) - Number(this.#steps[0].told.chunk);
  }

  /** Whether it is still there when the stream goes back to the end of `chunk`. @param {number} chunk */
  outlives(chunk) {
    return (this.beginChunk ?? Infinity) <= chunk;
  }
}
