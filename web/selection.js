/**
 * What a person has selected to be taken: by clicks that the server turns into outlines, by a lasso, or painted. It is kept as
 * a mask, so that every way can add to what is there and take away from it.
 * @module
 */
import { Emitter } from './emitter.js';
import { MAX_TOUCHES } from './protocol.js';
import { inside, trace } from './region.js';

const MASK_SIDE = 320;
/** A click this close to one that said the opposite takes that back, in frame sizes: both together would mean nothing. */
const SAME_SPOT = 0.04;

/**
 * @typedef {import('./protocol.js').Region} Region
 * @typedef {'new' | 'add' | 'remove'} Mode
 * @typedef {{x: number, y: number}} Place
 * @typedef {{x: number, y: number, add: [number, number][], remove: [number, number][]}} Clicks
 */

/** @extends {Emitter<{changed: null, nothing: Place, unselected: null}>} */
export class Selection extends Emitter {
  /** @type {Region} */
  region = [];
  /** What is being drawn: a lasso, or the way of a brush with its radius in frame widths. @type {{points: Place[], radius: number} | null} */
  drawing = null;
  #prober;
  #context = /** @type {CanvasRenderingContext2D} */ (document.createElement('canvas').getContext('2d', { willReadFrequently: true }));
  /** The clicks that made the selection, as long as nothing else did. @type {Clicks | null} */
  #clicks = null;

  /** @param {import('./prober.js').Prober} prober */
  constructor(prober) {
    super();
    this.#prober = prober;
    this.shape(5 / 3);
  }

  get empty() {
    return this.region.length === 0;
  }

  /** The frame's shape, width over height. @param {number} aspect */
  shape(aspect) {
    const { canvas } = this.#context;
    canvas.width = Math.round(aspect >= 1 ? MASK_SIDE : MASK_SIDE * aspect);
    canvas.height = Math.round(aspect >= 1 ? MASK_SIDE / aspect : MASK_SIDE);
    this.clear();
  }

  clear() {
    this.drawing = null;
    this.#clicks = null;
    this.#context.clearRect(0, 0, this.#context.canvas.width, this.#context.canvas.height);
    if (!this.empty) {
      this.region = [];
      this.emit('changed', null);
    }
  }

  /** Gives the selection to a hand that comes down in it; one outside lets it go. @param {Place} place @returns {Region | null} */
  takeAt(place) {
    const region = inside(this.region, place) ? this.region : null;
    this.clear();
    return region;
  }

  /** Selects the thing at a place, adds it, or takes it away. @param {Place} place @param {Mode} mode */
  async click(place, mode) {
    const spot = /** @type {[number, number]} */ ([place.x, place.y]);
    const before = mode === 'new' ? null : this.#clicks;
    /** @type {Clicks} */
    const clicks = before ? withClick(before, spot, /** @type {'add' | 'remove'} */ (mode)) : { ...place, add: [], remove: [] };
    if (clicks.add.length > MAX_TOUCHES || clicks.remove.length > MAX_TOUCHES) return;
    const alone = this.empty || mode === 'new' || before !== null;
    if (mode === 'remove' && this.empty) {
      this.emit('unselected', null);
      return;
    }
    const { x, y, add, remove } = clicks;
    const outline = await this.#prober.ask({ x, y, ...(add.length > 0 && { add }), ...(remove.length > 0 && { remove }) });
    if (outline === undefined) return; // of a stream that is gone, or asked anew
    if (!outline || outline.region.length === 0) {
      this.emit('nothing', place);
      return;
    }
    this.#put(alone ? 'new' : mode, (context, size) => context.fill(drawn(outline.region, size), 'evenodd'));
    this.#clicks = alone ? clicks : null;
  }

  /** @param {Place[]} points @param {Mode} mode */
  lasso(points, mode) {
    const polygon = points.map(({ x, y }) => /** @type {[number, number]} */ ([x, y]));
    this.#put(mode, (context, size) => context.fill(drawn([polygon], size)));
    this.#clicks = null;
  }

  /** @param {Place[]} points @param {number} radius of the brush, in frame widths @param {Mode} mode */
  paint(points, radius, mode) {
    this.#put(mode, (context, [width, height]) => {
      context.lineWidth = 2 * radius * width;
      context.lineJoin = context.lineCap = 'round';
      context.beginPath();
      for (const { x, y } of [points[0], ...points]) context.lineTo(x * width, y * height);
      context.stroke();
    });
    this.#clicks = null;
  }

  /**
   * @param {Mode} mode
   * @param {(context: CanvasRenderingContext2D, size: [number, number]) => void} draw
   */
  #put(mode, draw) {
    const context = this.#context;
    const { width, height } = context.canvas;
    if (mode === 'new') context.clearRect(0, 0, width, height);
    context.globalCompositeOperation = mode === 'remove' ? 'destination-out' : 'source-over';
    draw(context, [width, height]);
    const { data } = context.getImageData(0, 0, width, height);
    this.region = trace(data.filter((_, index) => index % 4 === 3), width, height);
    this.emit('changed', null);
  }
}

/**
 * One click more, or less: one that says the opposite of another at the same spot.
 * @param {Clicks} clicks
 * @param {[number, number]} spot
 * @param {'add' | 'remove'} mode
 * @returns {Clicks}
 */
function withClick(clicks, spot, mode) {
  const opposite = mode === 'add' ? 'remove' : 'add';
  const contrary = clicks[opposite].filter(([x, y]) => Math.hypot(x - spot[0], y - spot[1]) < SAME_SPOT);
  if (contrary.length > 0) return { ...clicks, [opposite]: clicks[opposite].filter((each) => !contrary.includes(each)) };
  return { ...clicks, [mode]: [...clicks[mode], spot] };
}

/** @param {Region} region @param {[number, number]} size */
function drawn(region, [width, height]) {
  const path = new Path2D();
  for (const polygon of region) {
    polygon.forEach(([x, y], index) => (index === 0 ? path.moveTo(x * width, y * height) : path.lineTo(x * width, y * height)));
    path.closePath();
  }
  return path;
}
