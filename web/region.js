/**
 * Regions of the frame: polygons of [x, y] in frame sizes, even-odd. And masks of pixels, where regions are joined and cut. Pure.
 * @module
 */

/**
 * @typedef {import('./protocol.js').Region} Region
 * @typedef {{x: number, y: number}} Place
 */

/** Outlines around fewer pixels are specks. */
const SPECK = 5;
/** A message takes so many outlines, and so many points of all of them. */
const RINGS_MAX = 64;
const POINTS_MAX = 4096;

/** Whether a point lies in a region. @param {Region} region @param {Place} point */
export function inside(region, { x, y }) {
  let odd = false;
  for (const polygon of region) {
    for (let index = 0, before = polygon.length - 1; index < polygon.length; before = index, index += 1) {
      const [ax, ay] = polygon[index];
      const [bx, by] = polygon[before];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) odd = !odd;
    }
  }
  return odd;
}

/**
 * The outlines of a mask, as polygons along the edges of its pixels, simplified.
 * @param {Uint8Array | Uint8ClampedArray} mask one byte a pixel, set from 128 on
 * @param {number} width
 * @param {number} height
 * @param {number} [tolerance] in pixels: corners that matter less are left out
 * @returns {Region}
 */
export function trace(mask, width, height, tolerance = 0.75) {
  const set = (/** @type {number} */ x, /** @type {number} */ y) => x >= 0 && y >= 0 && x < width && y < height && mask[y * width + x] >= 128;
  /** Edges between a set pixel and one that is not, by where they begin; the set pixel is to their right. @type {Map<number, number[]>} */
  const edges = new Map();
  const stride = width + 1;
  const join = (/** @type {number} */ from, /** @type {number} */ to) => edges.set(from, [...(edges.get(from) ?? []), to]);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!set(x, y)) continue;
      const corner = y * stride + x;
      if (!set(x, y - 1)) join(corner, corner + 1);
      if (!set(x + 1, y)) join(corner + 1, corner + 1 + stride);
      if (!set(x, y + 1)) join(corner + 1 + stride, corner + stride);
      if (!set(x - 1, y)) join(corner + stride, corner);
    }
  }
  const rings = [];
  for (const start of edges.keys()) {
    while (edges.get(start)?.length) {
      const ring = follow(edges, start).map((corner) => /** @type {[number, number]} */ ([corner % stride, Math.floor(corner / stride)]));
      rings.push(simplified(ring, tolerance));
    }
  }
  const large = rings.filter((ring) => ring.length >= 3 && area(ring) >= SPECK).sort((a, b) => area(b) - area(a)).slice(0, RINGS_MAX);
  if (large.flat().length > POINTS_MAX) return trace(mask, width, height, 2 * tolerance);
  return large.map((ring) => ring.map(([x, y]) => [rounded(x / width), rounded(y / height)]));
}

/** @param {[number, number][]} ring */
function area(ring) {
  const parts = ring.map(([x, y], index) => {
    const [nextX, nextY] = ring[(index + 1) % ring.length];
    return x * nextY - nextX * y;
  });
  return Math.abs(parts.reduce((sum, part) => sum + part, 0)) / 2;
}

/** One closed way along edges, which are used up. @param {Map<number, number[]>} edges @param {number} start */
function follow(edges, start) {
  const ring = [];
  let at = start;
  do {
    ring.push(at);
    at = /** @type {number} */ (edges.get(at)?.pop());
  } while (at !== start && at !== undefined);
  return ring;
}

/**
 * A closed line without the points that lie within `tolerance` of it (Douglas and Peucker).
 * @param {[number, number][]} ring
 * @param {number} tolerance
 */
export function simplified(ring, tolerance) {
  if (ring.length < 4) return ring;
  let far = 0;
  ring.forEach((point, index) => {
    if (distance(point, ring[0], ring[0]) > distance(ring[far], ring[0], ring[0])) far = index;
  });
  const there = thinned(ring.slice(0, far + 1), tolerance);
  const back = thinned([...ring.slice(far), ring[0]], tolerance);
  return [...there.slice(0, -1), ...back.slice(0, -1)];
}

/** @param {[number, number][]} line @param {number} tolerance @returns {[number, number][]} */
function thinned(line, tolerance) {
  const keep = new Set([0, line.length - 1]);
  const spans = [[0, line.length - 1]];
  for (let span = spans.pop(); span; span = spans.pop()) {
    const [first, last] = span;
    let most = tolerance;
    let at = -1;
    for (let index = first + 1; index < last; index += 1) {
      const off = distance(line[index], line[first], line[last]);
      if (off > most) [most, at] = [off, index];
    }
    if (at < 0) continue;
    keep.add(at);
    spans.push([first, at], [at, last]);
  }
  return line.filter((_, index) => keep.has(index));
}

/** Of a point from a piece of a line. @param {[number, number]} point @param {[number, number]} from @param {[number, number]} to */
function distance([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const share = length > 0 ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
  return Math.hypot(x - ax - share * dx, y - ay - share * dy);
}

const rounded = (/** @type {number} */ value) => Math.round(value * 1e4) / 1e4;
