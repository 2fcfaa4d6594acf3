/**
 * The camera's velocity, added up from what steers it (pad, stage, keys, sliders), sent at most once an animation frame. What hands do
 * from rest to rest is one move, which can be made once more.
 * @module
 */
import { STILL, bounded, stands, sum } from './camera_motion.js';
import { CameraMove } from './camera_move.js';
import { Emitter } from './emitter.js';

/** @typedef {import('./camera_motion.js').Motion} Motion */

/** Of a control that a connection took along, or a stream that went back. */
const ignore = () => {};

/** @extends {Emitter<{motion: Motion, control: {id: number, at: number}, leaves: null, began: number, moved: CameraMove}>} `leaves` its rest, by hand; `began`: the chunk that shows a move first */
export class CameraControl extends Emitter {
  /** What hands want of it, by where they steer. @type {Map<string, Partial<Motion>>} */
  #hands = new Map();
  /** What they are at. @type {CameraMove | null} */
  #move = null;
  /** What is made once more, and what it wants now. @type {Map<CameraMove, Motion>} */
  #again = new Map();
  /** What was made once more, and is to be as far as before. @type {Set<CameraMove>} */
  #settling = new Set();
  #frame = 0;
  /** What the stream was told last; null where that is not known. @type {string | null} */
  #sent = JSON.stringify(STILL);
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
    this.#forget();
    if (!this.#move?.outlives(chunk)) this.#move = null;
    if (this.#steered) this.#sent = null;
    this.letGo();
  }

  /** @param {import('./stream.js').Stream | null} stream */
  attach(stream) {
    this.stream = stream;
    this.#hands.clear();
    this.#forget();
    this.#move = null;
    this.#steered = false;
    this.#sent = JSON.stringify(STILL);
    this.emit('motion', STILL);
  }

  /** A chunk was made: what is made once more goes on. @param {number} chunk */
  goOn(chunk) {
    this.#made = chunk;
    for (const move of this.#again.keys()) this.#again.set(move, move.after(chunk));
    this.#send();
    for (const move of this.#again.keys()) if (move.over(chunk)) this.#settle(move);
  }

  #send() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const wanted = bounded(sum(this.#hands.values()));
    const motion = this.#wanted();
    this.emit('motion', motion);
    const ack = this.#tell(motion);
    if (!ack) return;
    if (!this.#move && !stands(wanted)) this.#leave(ack);
    this.#move?.turn(wanted, ack);
    if (!this.#move || !stands(wanted)) return;
    const move = this.#move;
    this.#move = null;
    this.emit('moved', move);
  }

  /** Of all hands, and of what is made once more. */
  #wanted() {
    return bounded(sum([...this.#hands.values(), ...this.#again.values()]));
  }

  /** @param {Motion} motion @returns {import('./acks.js').Ack | null} null where it is known already */
  #tell(motion) {
    const text = JSON.stringify(motion);
    if (!this.stream || text === this.#sent) return null;
    this.#sent = text;
    this.#steered = true;
    const ack = this.stream.camera({ ...motion, mode: 'velocity' });
    this.emit('control', { id: ack.id, at: this.#since });
    for (const [move, own] of this.#again) move.did(own, ack);
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
    const ack = this.#add(move, (ack) => move.begin(ack));
    if (!ack) return; // it does nothing, or there is no stream
    move.underWay = true;
    this.#announce(ack);
  }

  /** It is over as far as it was told; what came late is made up for. @param {CameraMove} move */
  async #settle(move) {
    this.#again.delete(move);
    this.#settling.add(move);
    const rest = await move.correction();
    if (!this.#settling.delete(move)) return; // the stream went back, or has ended
    if (!rest || !this.#add(move, (ack) => move.corrects(ack))) move.underWay = false;
  }

  /** Nothing is made once more. */
  #forget() {
    for (const moves of [this.#again, this.#settling]) {
      for (const move of moves.keys()) move.underWay = false;
      moves.clear();
    }
  }

  /** @param {CameraMove} move what it wants is wanted from now on @param {(ack: import('./acks.js').Ack) => void} begin */
  #add(move, begin) {
    this.#since = performance.now();
    const ack = this.#tell(bounded(sum([this.#wanted(), move.after(-1)])));
    if (!ack) return null;
    begin(ack);
    this.#again.set(move, move.after(-1));
    move.did(move.after(-1), ack);
    ack.queued.then(() => this.goOn(this.#made), ignore);
    return ack;
  }

  /** @param {import('./acks.js').Ack} ack of the beginning of a move */
  #announce(ack) {
    ack.queued.then(({ chunk }) => this.emit('began', chunk), ignore);
  }
}
