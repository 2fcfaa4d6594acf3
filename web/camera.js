/**
 * The camera's velocity, added up from what steers it (pad, stage, keys, sliders), sent at most once an animation frame.
 * @module
 */
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

/** @extends {Emitter<{motion: Motion, control: {id: number, at: number}}>} */
export class CameraControl extends Emitter {
  /** @type {Map<string, Partial<Motion>>} */
  #sources = new Map();
  #frame = 0;
  #sent = JSON.stringify({ pan: [0, 0], zoom: 0, roll: 0 });
  #since = 0;
  /** @type {import('./stream.js').Stream | null} */
  stream = null;

  /**
   * What one source wants; an empty motion lets go.
   * @param {string} source
   * @param {Partial<Motion>} motion
   */
  steer(source, motion) {
    this.#sources.set(source, motion);
    if (this.#frame) return;
    this.#since = performance.now();
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#send();
    });
  }

  /** Stands still. */
  stop() {
    this.#sources.clear();
    this.steer('stop', {});
  }

  /** @param {import('./stream.js').Stream | null} stream */
  attach(stream) {
    this.stream = stream;
    this.#sources.clear();
    this.#sent = JSON.stringify(this.motion);
    this.emit('motion', this.motion);
  }

  /** @returns {Motion} */
  get motion() {
    let [x, y, zoom, roll] = [0, 0, 0, 0];
    for (const motion of this.#sources.values()) {
      x += motion.pan?.[0] ?? 0;
      y += motion.pan?.[1] ?? 0;
      zoom += motion.zoom ?? 0;
      roll += motion.roll ?? 0;
    }
    return { pan: [within(x, PAN_MAX), within(y, PAN_MAX)], zoom: within(zoom, ZOOM_MAX), roll: within(roll, ROLL_MAX) };
  }

  #send() {
    const motion = this.motion;
    this.emit('motion', motion);
    const text = JSON.stringify(motion);
    if (!this.stream || text === this.#sent) return;
    this.#sent = text;
    const ack = this.stream.camera({ ...motion, mode: 'velocity' });
    this.emit('control', { id: ack.id, at: this.#since });
  }
}
