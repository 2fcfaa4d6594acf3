/**
 * The tools in the strip: what each does with a gesture of the hand.
 * @module
 */
import { inside } from './region.js';

/** A lasso that is shorter than this, in frame widths, is a click. */
const CLICK = 0.02;

/**
 * @typedef {import('./painter.js').Tool} Tool
 * @typedef {import('./painter.js').Gesture} Gesture
 * @typedef {import('./brush.js').HandSample} HandSample
 * @typedef {import('./tracks.js').Stroke} Stroke
 * @typedef {import('./selection.js').Mode} Mode
 * @typedef {'drag' | 'select' | 'pin' | 'path' | 'grid' | 'camera' | 'eraser'} ToolName
 * @typedef {object} ToolOptions
 * @property {number} rows
 * @property {number} cols
 * @property {number} spacing
 * @property {number} speed
 * @property {boolean} loop
 * @property {boolean} autoplay
 * @property {Mode} mode what a selecting hand does to what is selected already
 * @property {boolean} paint whether it paints, instead of drawing a line around
 * @property {number} radius of its brush, in frame widths
 */

/** Capability that a model needs for each tool. @type {Record<ToolName, string | null>} */
export const TOOL_NEEDS = { drag: 'drag', select: 'drag', pin: 'pin', path: 'path', grid: 'drag', camera: 'camera', eraser: null };

/** Tools that take something: what they would take is outlined while they hover. */
const TAKING = new Set(['drag', 'select', 'pin', 'path']);

/** @param {ToolName} name */
export const takes = (name) => TAKING.has(name);

/**
 * @param {object} page
 * @param {import('./brush.js').Brush} page.brush
 * @param {import('./camera.js').CameraControl} page.camera
 * @param {import('./prober.js').Prober} page.prober
 * @param {import('./selection.js').Selection} page.selection
 * @param {() => ToolOptions} options
 * @returns {Record<ToolName, Tool>}
 */
export function makeTools({ brush, camera, prober, selection }, options) {
  const hand = new TakingHand(brush, prober, selection);
  return {
    drag: { begin: (sample) => hand.correct(sample) ?? hand.drag(sample) },
    select: { begin: (sample) => (brush.session ? select(hand, selection, sample, options()) : null) },
    grid: { begin: (sample) => dragGrid(brush, sample, options()) },
    pin: { begin: (sample) => hand.correct(sample) ?? hand.pin(sample) },
    path: { begin: (sample) => hand.correct(sample) ?? hand.path(sample, options) },
    eraser: { begin: (sample) => erase(brush, sample) },
    camera: { begin: (sample) => (brush.session ? steer(camera, sample) : null) },
  };
}

/** A hand that takes what is selected, or what the server finds. */
class TakingHand {
  #brush;
  #prober;
  #selection;

  /** @param {import('./brush.js').Brush} brush @param {import('./prober.js').Prober} prober @param {import('./selection.js').Selection} selection */
  constructor(brush, prober, selection) {
    this.#brush = brush;
    this.#prober = prober;
    this.#selection = selection;
  }

  /** With Shift or Alt it corrects what is selected instead. @param {HandSample} sample @returns {Gesture | null} */
  correct(sample) {
    const mode = modeOf(sample);
    if (mode === 'new' || !this.#brush.session) return null;
    if (mode === 'add' && this.#selection.empty && this.#prober.outline) this.#selection.click(sample, 'new');
    else this.#selection.click(sample, mode);
    return { move() {}, end() {} };
  }

  /** @param {HandSample} sample @returns {Gesture | null} */
  drag(sample) {
    const stroke = this.#take('drag', sample);
    return stroke && following(this.#brush, stroke, () => this.#brush.release(stroke));
  }

  /** @param {HandSample} sample @returns {Gesture | null} */
  pin(sample) {
    const stroke = this.#take('pin', sample);
    return stroke && { move() {}, end: () => this.#brush.pinned(stroke) };
  }

  /** @param {HandSample} sample @param {() => ToolOptions} options as they are when it is drawn @returns {Gesture | null} */
  path(sample, options) {
    const brush = this.#brush;
    const stroke = this.#take('path', sample);
    return stroke && following(brush, stroke, () => {
      if (stroke.samples.length < 2) brush.letGo([stroke]);
      else if (options().autoplay) brush.play([stroke], options(), false);
      else brush.drawn(stroke);
    });
  }

  /** Shows what is taken as soon as it is known. @param {import('./protocol.js').TrackKind} kind @param {HandSample} sample */
  #take(kind, sample) {
    const region = this.#selection.takeAt(sample);
    const stroke = this.#brush.begin(kind, sample, region ? { region } : {});
    if (!stroke) return null;
    const known = region ? { region } : this.#prober.outline;
    if (known) this.#brush.expect(stroke, known);
    else this.#prober.ask({ x: sample.x, y: sample.y }).then((outline) => outline && this.#brush.expect(stroke, outline));
    return stroke;
  }
}

/** @param {import('./brush.js').Brush} brush @param {Stroke} stroke @param {() => void} end @returns {Gesture} */
const following = (brush, stroke, end) => ({ move: (samples) => brush.move(stroke, samples), end });

/** @param {import('./brush.js').Brush} brush @param {HandSample} sample @param {ToolOptions} options @returns {Gesture | null} */
function dragGrid(brush, sample, { rows, cols, spacing }) {
  const stroke = brush.begin('drag', sample, { grid: { rows, cols, spacing } });
  return stroke && following(brush, stroke, () => brush.release(stroke));
}

/** @param {import('./brush.js').Brush} brush @param {HandSample} sample @returns {Gesture} */
function erase(brush, sample) {
  const gone = brush.eraseAt(sample);
  return { move: (samples) => samples.forEach((each) => gone.push(...brush.eraseAt(each))), end: () => brush.erased(gone, sample.byKeys ?? false) };
}

/** @param {import('./camera.js').CameraControl} camera @param {HandSample} from @returns {Gesture} */
function steer(camera, from) {
  const pull = (/** @type {HandSample} */ to) => camera.steer('stage', { pan: [(to.x - from.x) * 2, (to.y - from.y) * 2] });
  return { move: (samples) => pull(samples[samples.length - 1]), end: () => camera.steer('stage', {}) };
}

/**
 * Pulls what is selected where the hand comes down in it; else selects.
 * @param {TakingHand} hand
 * @param {import('./selection.js').Selection} selection
 * @param {HandSample} sample
 * @param {ToolOptions} options
 */
function select(hand, selection, sample, options) {
  const mode = modeOf(sample) === 'new' ? options.mode : modeOf(sample);
  if (mode === 'new' && inside(selection.region, sample)) return hand.drag(sample);
  return selecting(selection, sample, mode, options);
}

/** @param {HandSample} sample @returns {Mode} */
const modeOf = ({ shift, alt }) => (alt ? 'remove' : shift ? 'add' : 'new');

/**
 * A hand that draws around something or paints over it; a click selects what the server finds there.
 * @param {import('./selection.js').Selection} selection
 * @param {HandSample} first
 * @param {Mode} mode
 * @param {ToolOptions} options
 * @returns {Gesture}
 */
function selecting(selection, first, mode, { paint, radius }) {
  const points = [first];
  selection.drawing = { points, radius: paint ? radius : 0 };
  const finish = () => {
    selection.drawing = null;
    const length = points.reduce((sum, { x, y }, index) => sum + Math.hypot(x - points[Math.max(0, index - 1)].x, y - points[Math.max(0, index - 1)].y), 0);
    if (length < CLICK && !paint) selection.click(first, mode);
    else if (paint) selection.paint(points, radius, mode);
    else selection.lasso(points, mode);
  };
  return { move: (samples) => void points.push(...samples), end: finish };
}
