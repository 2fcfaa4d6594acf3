/**
 * What hands hold: its outline as it stood when it was taken, and where the hands were then. Hands on one thing share one. Pure.
 * @module
 */
import { similarity } from './similarity.js';

/** Two outlines whose boxes have this much in common (of both together) are of one thing. */
const SAME = 0.6;

/**
 * @typedef {import('./protocol.js').Region} Region
 * @typedef {import('./tracks.js').Stroke} Stroke
 * @typedef {{x: number, y: number}} Place
 * @typedef {object} Now the frame on screen
 * @property {number} id of the newest control that it shows
 * @property {number} pts
 * @property {number} aspect
 */

export class HeldOutline {
  /** @type {Map<Stroke, Place>} */
  #hands = new Map();

  /** @param {Region} region @param {Stroke} stroke that took it @param {Place} at where its hand was then */
  constructor(region, stroke, at) {
    this.region = region;
    this.#hands.set(stroke, at);
  }

  /** How many hands hold it. */
  get hands() {
    return this.#hands.size;
  }

  /** Its outline in a frame. @param {Now} now @returns {Region} */
  outline(now) {
    const strokes = [...this.#hands.keys()];
    const move = similarity([...this.#hands.values()], strokes.map((stroke) => stroke.at(now.id, now.pts)), now.aspect);
    return this.region.map((polygon) => polygon.map(move));
  }

  /** Whether an outline in a frame is of the same thing. @param {Region} region @param {Now} now */
  is(region, now) {
    const [a, b] = [box(this.outline(now)), box(region)];
    const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    const common = Math.max(0, across) * Math.max(0, down);
    return common > SAME * (area(a) + area(b) - common);
  }

  /** Another hand has taken it. @param {Stroke} stroke @param {Region} region as it stands in the frame @param {Now} now */
  join(stroke, region, now) {
    this.#here(now, region);
    this.#hands.set(stroke, stroke.samples[0]);
  }

  /** A hand lets go, in this frame; the others hold it as it is. @param {Stroke} stroke @param {Now} now */
  leave(stroke, now) {
    if (this.#hands.size === 1 || !this.#hands.has(stroke)) return;
    this.#here(now, this.outline(now));
    this.#hands.delete(stroke);
  }

  /** @param {Now} now @param {Region} region as it stands now */
  #here({ id, pts }, region) {
    this.region = region;
    for (const stroke of this.#hands.keys()) this.#hands.set(stroke, stroke.at(id, pts));
  }
}

/** @typedef {{left: number, right: number, top: number, bottom: number}} Box */

/** @param {Region} region @returns {Box} */
function box(region) {
  const points = region.flat();
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return { left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) };
}

/** @param {Box} box */
const area = ({ left, right, top, bottom }) => Math.max(0, right - left) * Math.max(0, bottom - top);
