/**
 * The camera's velocity, added up from what steers it (pad, stage, keys, sliders), sent at most once an animation frame. What hands do
 * from rest to rest is one move, which can be made once more.
 * @module
 */
import { CameraMove } from './camera_move.js';
import { Emitter } from './emitter.js';

const PAN_MAX = 1;
const ZOOM_MAX = 2;
const ROLL_MAX = 90;

/**
 * @typedef {{pan: [number, number], zoom: number, roll: number}} Motion pan in frame sizes, zoom in doublings, roll in
 *   degrees, each a second
 */

/** @param {number} value @param {number} most */
const within = (value, most) => Math.round(Math.min(most, Math.max(-most, value)) * 1000) / 1000;

/** @param {Iterable<Partial<Motion>>} motions @returns {Motion} */
function sum(motions) {
  let [x, y, zoom, roll] = [0, 0, 0, 0];
  for (const motion of motions) {
    x += motion.pan?.[0] ?? 0;
    y += motion.pan?.[1] ?? 0;
    zoom += motion.zoom ?? 0;
    roll += motion.roll ?? 0;
  }
  return { pan: [within(x, PAN_MAX), within(y, PAN_MAX)], zoom: within(zoom, ZOOM_MAX), roll: within(roll, ROLL_MAX) };
}

/** Of a control that a connection took along, or a stream that went back. */
const ignore = () => {};
const STILL = JSON.stringify(sum([]));

/** @extends {Emitter<{motion: Motion, control: {id: number, at: number}, leaves: null, began: number, moved: CameraMove}>} `leaves` its rest, by hand; `began`: the chunk that shows a move first */
export class CameraControl extends Emitter {
  /** What hands want of it, by where they steer. @type {Map<string, Partial<Motion>>} */
  #hands = new Map();
  /** What they are at. @type {CameraMove | null} */
  #move = null;
  /** What is made once more, and what it wants now. @type {Map<CameraMove, Motion>} */
  #again = new Map();
  #frame = 0;
  /** What the stream was told last; null where that is not known. @type {string | null} */
  #sent = STILL;
  #steered = false;
  #since = 0;
  /** The newest chunk that was made. */
  #made = -1;
  /** @type {import('./stream.js').Stream | null} */
  stream = null;

  /**
   * What one source wants; an empty motion lets go.
   * @param {string} source
   * @param {Partial<Motion>} motion
   */
  steer(source, motion) {
    this.#hands.set(source, motion);
    if (this.#frame) return;
    this.#since = performance.now();
    this.#frame = requestAnimationFrame(() => this.#send());
  }

  /** No hand steers any more. At once: a page that is hidden has no next frame. */
  letGo() {
    this.#hands.clear();
    this.#since = performance.now();
    this.#send();
  }

  /** The stream went back to the end of `chunk`, where the camera may have been on its way: it stands. @param {number} chunk */
  cut(chunk) {
    this.#made = chunk;
    for (const move of this.#again.keys()) move.underWay = false;
    this.#again.clear();
    if (!this.#move?.outlives(chunk)) this.#move = null;
    if (this.#steered) this.#sent = null;
    this.letGo();
  }

  /** @param {import('./stream.js').Stream | null} stream */
  attach(stream) {
    this.stream = stream;
    this.#hands.clear();
    this.#again.clear();
    this.#move = null;
    this.#steered = false;
    this.#sent = STILL;
    this.emit('motion', sum([]));
  }

  /** A chunk was made: what is made once more goes on. @param {number} chunk */
  goOn(chunk) {
    this.#made = chunk;
    for (const [move] of this.#again) {
      if (move.beginChunk === null) continue;
      const chunks = chunk + 1 - move.beginChunk;
      this.#again.set(move, move.after(chunks));
      if (!move.over(chunks)) continue;
      move.underWay = false;
      this.#again.delete(move);
    }
    this.#send();
  }

  #send() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const wanted = sum(this.#hands.values());
    const motion = sum([wanted, ...this.#again.values()]);
    this.emit('motion', motion);
    const ack = this.#tell(motion);
    if (!ack) return;
    const stands = JSON.stringify(wanted) === STILL;
    if (!this.#move && !stands) this.#leave(ack);
    this.#move?.turn(wanted, ack);
    if (!this.#move || !stands) return;
    const move = this.#move;
    this.#move = null;
    this.emit('moved', move);
  }

  /** @param {Motion} motion @returns {import('./acks.js').Ack | null} null where it is known already */
  #tell(motion) {
    const text = JSON.stringify(motion);
    if (!this.stream || text === this.#sent) return null;
    this.#sent = text;
    this.#steered = true;
    const ack = this.stream.camera({ ...motion, mode: 'velocity' });
    this.emit('control', { id: ack.id, at: this.#since });
    return ack;
  }

  /** A hand moves it from its rest. @param {import('./acks.js').Ack} ack */
  #leave(ack) {
    this.#move = new CameraMove(ack, (move) => this.#makeAgain(move));
    this.#announce(ack);
    this.emit('leaves', null);
  }

  /** @param {CameraMove} move */
  #makeAgain(move) {
    this.#again.set(move, move.after(0));
    this.#since = performance.now();
    const ack = this.#tell(sum([...this.#hands.values(), ...this.#again.values()]));
    if (!ack) {
      this.#again.delete(move); // it does nothing, or there is no stream
      return;
    }
    move.underWay = true;
    move.begin(ack);
    this.#announce(ack);
    ack.queued.then(() => this.goOn(this.#made), ignore);
  }

  /** @param {import('./acks.js').Ack} ack of the beginning of a move */
  #announce(ack) {
    ack.queued.then(({ chunk }) => this.emit('began', chunk), ignore);
  }
}
