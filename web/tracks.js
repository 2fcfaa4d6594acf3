/**
 * Strokes as data: what was painted, what of it the server knows, what of it is on screen. Pure.
 * @module
 */
import { MAX_POINTS } from './protocol.js';

/** Points a second of a path as it is sent: more than any model makes frames. */
const PATH_RATE = 30;
const LOOP_RATE = 15;
const LOOP_SECONDS = 60;
/** A path that ends this close to its begin is closed and loops round; others loop back and forth. */
const CLOSED_DISTANCE = 0.06;

/**
 * @typedef {import('./protocol.js').Point} Point
 * @typedef {{x: number, y: number, t: number, pressure: number, id: number}} Sample
 *   `id` of the control that carried it, 0 while none did
 * @typedef {'draft' | 'live' | 'held' | 'playing' | 'released'} Phase
 *   draft: drawn, not sent; live: under the hand; held: a pin; playing: a path; released: about to fade
 * @typedef {object} Left how a stroke stood when it was let go
 * @property {Phase} phase
 * @property {number} elapsed seconds of its way that a path had made by then
 * @property {Promise<void>} known when that is told by the server
 */

let keys = 0;

export class Stroke {
  key = (keys += 1);
  /** @type {Sample[]} */
  samples = [];
  /** @type {Phase} */
  phase = 'draft';
  /** @type {import('./stream_track.js').Track | null} */
  track = null;
  /** What the server says of its beginning: the first, of a path that goes round. @type {import('./acks.js').Ack | null} */
  began = null;
  /** Id of the control that began it, and of the one that ended it; 0 for none. */
  beginId = 0;
  endId = 0;
  /** Chunks that showed these first, as far as the server has said. @type {number | null} */
  beginChunk = null;
  /** @type {number | null} */
  endChunk = null;
  /** Media time of the first frame that its track is in, when that is made. @type {number | null} */
  beginPts = null;
  /** Wall time (ms) at which it started to fade, or null. @type {number | null} */
  fadeAt = null;
  /** Of a path: seconds it takes, and media time of the first frame that plays it. */
  seconds = 0;
  /** @type {number | null} */
  playedFrom = null;
  loop = false;
  /** Seconds of its way that its track passes over: they were made by a track before. */
  skipped = 0;
  /** Of a path that plays: how it was drawn. @type {Sample[]} */
  drawn = [];
  /** And the way that it makes. @type {Point[]} */
  way = [];
  /** @type {Left | null} */
  left = null;
  /** What it holds; null while that is not known, and when that is nothing. @type {import('./held_outline.js').HeldOutline | null} */
  held = null;
  /** What it held when it let go. @type {import('./held_outline.js').HeldOutline | null} */
  lost = null;
  /** Whether the server has said what it holds. */
  told = false;
  /** What that is called, where it has a name. */
  name = '';
  /** Whether the hand is the keyboard's. */
  byKeys = false;
  /** Of a drag: seconds by which its hand came down later than the first of those that it is with. */
  wait = 0;
  /** With what its track begins. @type {import('./protocol.js').TrackOptions} */
  options = {};

  /**
   * @param {import('./protocol.js').TrackKind} kind
   * @param {import('./protocol.js').Grid | null} grid
   */
  constructor(kind, grid = null) {
    this.kind = kind;
    this.grid = grid;
  }

  get last() {
    return this.samples[this.samples.length - 1];
  }

  /** Where its hand comes down. */
  get start() {
    return this.skipped > 0 ? positionAt(this.samples, this.skipped) : this.samples[0];
  }

  /** All that the hand of a drag did, from when the first of those that it is with came down: it rests until its time. @returns {Sample[]} */
  get wholeDrag() {
    const [first] = this.samples;
    return this.wait > 0 ? [{ ...first, t: first.t - this.wait }, ...this.samples] : this.samples;
  }

  /** What its track has left to do of its way. @returns {Point[]} */
  get rest() {
    const later = this.samples.filter(({ t }) => t > this.skipped);
    return [{ ...this.start, t: this.skipped }, ...later].map(({ x, y, t }) => ({ x, y, t: t - this.skipped }));
  }

  /** With what its track begins where it stands: what was taken by an outline is a thing of its own by then. */
  get optionsThere() {
    return this.grid ? { grid: this.grid } : {};
  }

  /** Whether it is on its way, which ends by itself. */
  get underWay() {
    return this.phase === 'playing' && !this.loop;
  }

  /** Takes a way, with times from 0. @param {Point[]} way */
  follow(way) {
    this.way = way;
    this.samples = way.map((point) => ({ ...point, pressure: 0.5, id: 0 }));
    this.seconds = way[way.length - 1].t;
  }

  /** It is there. @param {Phase} phase */
  stand(phase) {
    this.phase = phase;
    this.left = this.fadeAt = null;
  }

  /** It goes, and can come back. */
  leave() {
    this.left = { phase: this.phase, elapsed: this.skipped, known: Promise.resolve() };
    this.phase = 'released';
    this.fadeAt = performance.now();
  }

  /** Whether it is still there, or to be brought back, when the stream goes back to the end of `chunk`. @param {number} chunk */
  outlives(chunk) {
    const waits = this.phase === 'draft' || this.left?.phase === 'draft';
    return waits || (this.beginChunk ?? Infinity) <= chunk;
  }

  /** Where its hand is in a frame with control `id` and of media time `pts`. @param {number} id @param {number} pts @returns {{x: number, y: number}} */
  at(id, pts) {
    if (this.kind === 'pin') return this.samples[0];
    if (this.kind === 'path') return this.playedFrom === null ? this.start : positionAt(this.samples, pts - this.playedFrom);
    return this.appliedSample(id) ?? this.samples[0];
  }

  /** The newest sample that a frame with control `id` shows, or null. @param {number} id */
  appliedSample(id) {
    for (let index = this.samples.length - 1; index >= 0; index -= 1) {
      const sample = this.samples[index];
      if (sample.id > 0 && sample.id <= id) return sample;
    }
    return null;
  }
}

/**
 * The path's points for the wire: times from 0, `speed` times as fast as it was drawn, evenly spaced.
 * @param {{x: number, y: number, t: number}[]} samples
 * @param {{speed: number, loop: boolean}} options
 * @returns {Point[]}
 */
export function pathPoints(samples, { speed, loop }) {
  const start = samples[0].t;
  const timed = samples.map(({ x, y, t }) => ({ x, y, t: (t - start) / speed }));
  if (!loop) return resample(timed, PATH_RATE);
  const round = isClosed(timed) ? timed : backAndForth(timed);
  const seconds = round[round.length - 1].t;
  if (seconds <= 0) return resample(timed, PATH_RATE);
  const once = resample(round, LOOP_RATE);
  const rounds = Math.max(1, Math.min(Math.floor(LOOP_SECONDS / seconds), Math.floor(MAX_POINTS / once.length)));
  return Array.from({ length: rounds }, (_, index) =>
    once.slice(index === 0 ? 0 : 1).map((point) => ({ ...point, t: point.t + index * seconds })),
  ).flat();
}

/**
 * Points at `rate` a second and one at the end; as many as one message takes.
 * @param {Point[]} points with times from 0, growing
 * @param {number} rate
 * @returns {Point[]}
 */
export function resample(points, rate) {
  const end = points[points.length - 1].t;
  const count = Math.max(1, Math.min(MAX_POINTS - 1, Math.ceil(end * rate)));
  if (points.length === 1 || end <= 0) return [{ ...points[0], t: 0 }];
  return Array.from({ length: count + 1 }, (_, index) => {
    const t = (end * index) / count;
    return { ...positionAt(points, t), t };
  });
}

/**
 * Where a timed line is at `t`; before its begin and after its end it stands.
 * @param {{x: number, y: number, t: number}[]} points
 * @param {number} t
 */
export function positionAt(points, t) {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].t < t) low = middle + 1;
    else high = middle;
  }
  const to = points[low];
  const from = points[Math.max(0, low - 1)];
  const span = to.t - from.t;
  const share = span > 0 ? Math.min(1, Math.max(0, (t - from.t) / span)) : 1;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** @param {{x: number, y: number}[]} points */
function isClosed(points) {
  const first = points[0];
  const last = points[points.length - 1];
  return Math.hypot(last.x - first.x, last.y - first.y) < CLOSED_DISTANCE;
}

/** @param {{x: number, y: number, t: number}[]} points */
function backAndForth(points) {
  const end = points[points.length - 1].t;
  const back = points.slice(0, -1).reverse();
  return [...points, ...back.map(({ x, y, t }) => ({ x, y, t: 2 * end - t }))];
}

/**
 * Distance of a point to a stroke, in frame heights; `aspect` is width over height.
 * @param {Stroke} stroke
 * @param {{x: number, y: number}} point
 * @param {number} aspect
 */
export function distanceTo(stroke, point, aspect) {
  const spots = stroke.kind === 'pin' ? gridOffsets(stroke, stroke.last) : stroke.samples;
  let nearest = Infinity;
  for (let index = 0; index < spots.length; index += 1) {
    const from = spots[stroke.kind === 'pin' ? index : Math.max(0, index - 1)];
    nearest = Math.min(nearest, segmentDistance(point, from, spots[index], aspect));
  }
  return nearest;
}

/**
 * @param {{x: number, y: number}} point
 * @param {{x: number, y: number}} from
 * @param {{x: number, y: number}} to
 * @param {number} aspect
 */
function segmentDistance(point, from, to, aspect) {
  const dx = (to.x - from.x) * aspect;
  const dy = to.y - from.y;
  const px = (point.x - from.x) * aspect;
  const py = point.y - from.y;
  const length = dx * dx + dy * dy;
  const share = length > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
  return Math.hypot(px - dx * share, py - dy * share);
}

/**
 * Where the points of a stroke's grid are when its centre is at `centre`; the centre alone without a grid.
 * @param {Stroke} stroke
 * @param {{x: number, y: number}} centre
 */
export function gridOffsets({ grid }, centre) {
  if (!grid) return [centre];
  const spots = [];
  for (let row = 0; row < grid.rows; row += 1) {
    for (let col = 0; col < grid.cols; col += 1) {
      spots.push({
        x: centre.x + (col - (grid.cols - 1) / 2) * grid.spacing,
        y: centre.y + (row - (grid.rows - 1) / 2) * grid.spacing,
      });
    }
  }
  return spots;
}
