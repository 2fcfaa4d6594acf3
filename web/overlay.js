/**
 * Draws the strokes above the picture, once an animation frame and only while there is something to draw. What the
 * server has not accepted is dotted, what it has accepted is thin, what the picture shows is solid.
 * @module
 */
import { gridOffsets, positionAt } from './tracks.js';

const FADE_MS = 900;
/** Track colours by kind: bright on any picture, with a dark edge under them. */
const COLOURS = { drag: '#3fe08a', pin: '#ff5c66', path: '#53b1ff', select: '#ffffff' };
const EDGE = 'rgba(8, 12, 18, 0.55)';
const STILL = matchMedia('(prefers-reduced-motion: reduce)');

/**
 * @typedef {import('./tracks.js').Stroke} Stroke
 * @typedef {import('./tracks.js').Sample} Sample
 * @typedef {object} Outlined a region, and how sure it is: `hint` would be taken, `chosen` is selected
 * @property {import('./protocol.js').Region} region
 * @property {'hint' | 'chosen'} style
 * @property {string} [label]
 * @typedef {object} Scene what the overlay shows
 * @property {() => Iterable<Stroke>} strokes
 * @property {() => number} queuedId
 * @property {() => number} shownId
 * @property {() => number} pts media time on screen
 * @property {() => {x: number, y: number} | null} crosshair
 * @property {() => {x: number, y: number, grid: import('./protocol.js').Grid | null, colour: keyof typeof COLOURS} | null} cursor
 * @property {() => Outlined[]} outlined
 * @property {() => {points: {x: number, y: number}[], radius: number} | null} drawing
 * @property {(stroke: Stroke) => void} faded
 */

export class Overlay {
  #canvas;
  #context;
  #scene;
  #drawn = false;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Scene} scene
   */
  constructor(canvas, scene) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    this.#scene = scene;
    const loop = () => {
      this.#frame();
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  }

  /** Fits the canvas to its box. @param {number} width @param {number} height CSS pixels */
  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    this.#canvas.width = Math.max(1, Math.round(width * ratio));
    this.#canvas.height = Math.max(1, Math.round(height * ratio));
    this.#drawn = true;
  }

  #frame() {
    const strokes = [...this.#scene.strokes()];
    const crosshair = this.#scene.crosshair();
    const cursor = this.#scene.cursor();
    const outlined = this.#scene.outlined();
    const drawing = this.#scene.drawing();
    const something = strokes.length > 0 || outlined.length > 0 || crosshair !== null || cursor !== null || drawing !== null;
    if (!something && !this.#drawn) return;
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#drawn = something;
    const now = performance.now();
    for (const each of outlined) this.#outlined(each, now);
    if (drawing) this.#drawing(drawing);
    this.#held(strokes);
    for (const stroke of strokes) this.#stroke(stroke, now);
    this.#context.globalAlpha = 1;
    if (cursor?.grid) this.#gridCursor(cursor, cursor.grid);
    if (crosshair) this.#crosshair(crosshair);
  }

  /** @param {Stroke} stroke @param {number} now */
  #stroke(stroke, now) {
    const faded = stroke.fadeAt === null ? 0 : (now - stroke.fadeAt) / FADE_MS;
    if (faded >= 1) {
      this.#scene.faded(stroke);
      return;
    }
    this.#context.globalAlpha = 1 - faded;
    if (stroke.kind === 'pin') this.#pin(stroke, now);
    else if (stroke.kind === 'path') this.#path(stroke);
    else this.#drag(stroke);
  }

  /** What hands hold, where the picture shows it. @param {Stroke[]} strokes */
  #held(strokes) {
    const now = { id: this.#scene.shownId(), pts: this.#scene.pts(), aspect: this.#canvas.width / this.#canvas.height };
    /** @type {Map<import('./held_outline.js').HeldOutline, keyof typeof COLOURS>} */
    const held = new Map();
    for (const { held: outline, kind, phase } of strokes) if (outline && phase !== 'released') held.set(outline, kind);
    for (const [outline, kind] of held) this.#outline(outline.outline(now), COLOURS[kind], { width: 2 });
  }

  /** @param {Outlined} outlined @param {number} now */
  #outlined({ region, style, label }, now) {
    const chosen = style === 'chosen';
    const dash = [5, 4].map((length) => length * this.#scale);
    this.#outline(region, COLOURS.select, { width: chosen ? 2 : 1.5, fill: true, dash, shift: chosen && !STILL.matches ? -now / 60 : 0 });
    if (label) this.#label(region, label);
  }

  /**
   * @param {import('./protocol.js').Region} region
   * @param {string} colour
   * @param {{width: number, fill?: boolean, dash?: number[], shift?: number}} style
   */
  #outline(region, colour, { width, fill = false, dash = [], shift = 0 }) {
    const context = this.#context;
    context.beginPath();
    for (const polygon of region) {
      polygon.forEach(([x, y], index) => {
        const at = this.#at({ x, y });
        if (index === 0) context.moveTo(...at);
        else context.lineTo(...at);
      });
      context.closePath();
    }
    if (fill) {
      context.fillStyle = 'rgba(255, 255, 255, 0.12)';
      context.fill('evenodd');
    }
    context.lineJoin = 'round';
    context.strokeStyle = EDGE;
    context.lineWidth = (width + 2) * this.#scale;
    context.stroke();
    context.setLineDash(dash);
    context.lineDashOffset = shift * this.#scale;
    context.strokeStyle = colour;
    context.lineWidth = width * this.#scale;
    context.stroke();
    context.setLineDash([]);
  }

  /** The name of a thing, above it. @param {import('./protocol.js').Region} region @param {string} label */
  #label(region, label) {
    const context = this.#context;
    const points = region.flat();
    const [left, top] = this.#at({ x: Math.min(...points.map(([x]) => x)), y: Math.min(...points.map(([, y]) => y)) });
    const size = 12 * this.#scale;
    context.font = `600 ${size}px system-ui, sans-serif`;
    context.textBaseline = 'bottom';
    const y = Math.max(top - 4 * this.#scale, size + 2 * this.#scale);
    context.strokeStyle = EDGE;
    context.lineWidth = 3 * this.#scale;
    context.strokeText(label, left, y);
    context.fillStyle = COLOURS.select;
    context.fillText(label, left, y);
  }

  /** A lasso, or the way of a brush, under the hand. @param {{points: {x: number, y: number}[], radius: number}} drawing */
  #drawing({ points, radius }) {
    const context = this.#context;
    context.beginPath();
    for (const point of [points[0], ...points]) context.lineTo(...this.#at(point));
    context.lineJoin = context.lineCap = 'round';
    if (radius > 0) {
      context.strokeStyle = 'rgba(255, 255, 255, 0.4)';
      context.lineWidth = 2 * radius * this.#canvas.width;
      context.stroke();
      return;
    }
    context.fillStyle = 'rgba(255, 255, 255, 0.12)';
    context.fill();
    for (const [style, width] of /** @type {[string, number][]} */ ([[EDGE, 4], [COLOURS.select, 2]])) {
      context.strokeStyle = style;
      context.lineWidth = width * this.#scale;
      context.stroke();
    }
  }

  /** @param {Stroke} stroke */
  #drag(stroke) {
    const shown = this.#scene.shownId();
    const queued = this.#scene.queuedId();
    const { samples } = stroke;
    const ends = [
      samples.findLastIndex(({ id }) => id > 0 && id <= shown),
      samples.findLastIndex(({ id }) => id > 0 && id <= queued),
      samples.length - 1,
    ];
    this.#line(samples, Math.max(0, ends[1]), ends[2], COLOURS.drag, 2, [2, 5]);
    this.#line(samples, Math.max(0, ends[0]), ends[1], COLOURS.drag, 2, []);
    this.#line(samples, 0, ends[0], COLOURS.drag, 4, []);
    for (const spot of gridOffsets(stroke, stroke.last)) this.#ring(spot, COLOURS.drag, stroke.grid ? 5 : 10);
    const applied = stroke.appliedSample(shown);
    if (applied) for (const spot of gridOffsets(stroke, applied)) this.#dot(spot, COLOURS.drag, stroke.grid ? 3 : 5);
  }

  /** @param {Stroke} stroke @param {number} now */
  #pin(stroke, now) {
    const applied = stroke.beginId <= this.#scene.shownId();
    const swell = applied ? 0 : 3 * Math.abs(Math.sin(now / 220));
    for (const spot of gridOffsets(stroke, stroke.last)) {
      this.#ring(spot, COLOURS.pin, 9 + swell);
      if (applied) this.#dot(spot, COLOURS.pin, 5);
    }
  }

  /** @param {Stroke} stroke */
  #path(stroke) {
    const { samples, playedFrom } = stroke;
    const draft = stroke.phase === 'draft';
    this.#line(samples, 0, samples.length - 1, COLOURS.path, draft ? 3 : 2, draft ? [8, 6] : []);
    this.#arrowHead(samples);
    const centre = playedFrom === null ? stroke.start : positionAt(samples, this.#scene.pts() - playedFrom);
    for (const spot of gridOffsets(stroke, centre)) {
      if (playedFrom === null) this.#ring(spot, COLOURS.path, 8);
      else this.#dot(spot, COLOURS.path, 6);
    }
  }

  /**
   * @param {Sample[]} samples
   * @param {number} from
   * @param {number} to
   * @param {string} colour
   * @param {number} width
   * @param {number[]} dash
   */
  #line(samples, from, to, colour, width, dash) {
    if (to <= from) return;
    const context = this.#context;
    const scale = this.#scale;
    const pressure = 0.5 + (samples[to]?.pressure ?? 0.5);
    context.beginPath();
    for (let index = from; index <= to; index += 1) context.lineTo(...this.#at(samples[index]));
    context.lineJoin = context.lineCap = 'round';
    context.setLineDash(dash.map((length) => length * scale));
    context.strokeStyle = EDGE;
    context.lineWidth = (width * pressure + 2) * scale;
    context.stroke();
    context.strokeStyle = colour;
    context.lineWidth = width * pressure * scale;
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {Sample[]} samples */
  #arrowHead(samples) {
    const end = samples[samples.length - 1];
    const before = samples.findLast(({ x, y }) => Math.hypot(end.x - x, end.y - y) > 0.015);
    if (!before) return;
    const [x, y] = this.#at(end);
    const [fromX, fromY] = this.#at(before);
    const angle = Math.atan2(y - fromY, x - fromX);
    const size = 9 * this.#scale;
    const context = this.#context;
    context.beginPath();
    for (const turn of [0, 2.5, -2.5]) context.lineTo(x + size * Math.cos(angle + turn), y + size * Math.sin(angle + turn));
    context.closePath();
    context.fillStyle = COLOURS.path;
    context.fill();
  }

  /** @param {{x: number, y: number}} point @param {string} colour @param {number} radius */
  #ring(point, colour, radius) {
    for (const [style, width] of /** @type {[string, number][]} */ ([[EDGE, 4], [colour, 2]])) {
      this.#circle(point, radius);
      this.#context.strokeStyle = style;
      this.#context.lineWidth = width * this.#scale;
      this.#context.stroke();
    }
  }

  /** @param {{x: number, y: number}} point @param {string} colour @param {number} radius */
  #dot(point, colour, radius) {
    this.#circle(point, radius + 1.5);
    this.#context.fillStyle = EDGE;
    this.#context.fill();
    this.#circle(point, radius);
    this.#context.fillStyle = colour;
    this.#context.fill();
  }

  /** @param {{x: number, y: number}} point @param {number} radius */
  #circle(point, radius) {
    const [x, y] = this.#at(point);
    this.#context.beginPath();
    this.#context.arc(x, y, radius * this.#scale, 0, 2 * Math.PI);
  }

  /** @param {{x: number, y: number, colour: keyof typeof COLOURS}} cursor @param {import('./protocol.js').Grid} grid */
  #gridCursor(cursor, grid) {
    this.#context.globalAlpha = 0.7;
    const stroke = /** @type {Stroke} */ ({ grid });
    for (const spot of gridOffsets(stroke, cursor)) this.#dot(spot, COLOURS[cursor.colour], 2);
    this.#context.globalAlpha = 1;
  }

  /** @param {{x: number, y: number}} point */
  #crosshair(point) {
    const [x, y] = this.#at(point);
    const arm = 14 * this.#scale;
    const context = this.#context;
    for (const [style, width] of /** @type {[string, number][]} */ ([[EDGE, 5], ['#ffffff', 2]])) {
      context.beginPath();
      context.moveTo(x - arm, y);
      context.lineTo(x + arm, y);
      context.moveTo(x, y - arm);
      context.lineTo(x, y + arm);
      context.strokeStyle = style;
      context.lineWidth = width * this.#scale;
      context.stroke();
    }
  }

  get #scale() {
    return window.devicePixelRatio || 1;
  }

  /** @param {{x: number, y: number}} point @returns {[number, number]} */
  #at({ x, y }) {
    return [x * this.#canvas.width, y * this.#canvas.height];
  }
}
