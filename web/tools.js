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
  /**
   * Takes what is selected, or what the server finds; shows what that is as soon as it is known.
   * @param {import('./protocol.js').TrackKind} kind
   * @param {HandSample} sample
   */
  const take = (kind, sample) => {
    const region = selection.takeAt(sample);
    const stroke = brush.begin(kind, sample, region ? { region } : {});
    if (!stroke) return null;
    const known = region ? { region } : prober.outline;
    if (known) brush.expect(stroke, known);
    else prober.ask({ x: sample.x, y: sample.y }).then((outline) => outline && brush.expect(stroke, outline));
    return stroke;
  };
  /** @param {HandSample} sample a hand that corrects what is selected @returns {Gesture | null} */
  const correct = (sample) => {
    const mode = modeOf(sample);
    if (mode === 'new' || !brush.session) return null;
    if (mode === 'add' && selection.empty && prober.outline) selection.click(sample, 'new');
    else selection.click(sample, mode);
    return { move() {}, end() {} };
  };
  /** @param {Stroke | null} stroke @param {() => void} end @returns {Gesture | null} */
  const following = (stroke, end) => stroke && { move: (samples) => brush.move(stroke, samples), end };
  const drag = (/** @type {HandSample} */ sample) => {
    const stroke = take('drag', sample);
    return stroke && following(stroke, () => brush.release(stroke));
  };
  return {
    drag: { begin: (sample) => correct(sample) ?? drag(sample) },
    select: {
      begin(sample) {
        if (!brush.session) return null;
        const mode = modeOf(sample) === 'new' ? options().mode : modeOf(sample);
        if (mode === 'new' && inside(selection.region, sample)) return drag(sample);
        return selecting(selection, sample, mode, options());
      },
    },
    grid: {
      begin(sample) {
        const { rows, cols, spacing } = options();
        const stroke = brush.begin('drag', sample, { grid: { rows, cols, spacing } });
        return stroke && following(stroke, () => brush.release(stroke));
      },
    },
    pin: {
      begin(sample) {
        const correction = correct(sample);
        if (correction) return correction;
        const stroke = take('pin', sample);
        return stroke && { move() {}, end: () => brush.pinned(stroke) };
      },
    },
    path: {
      begin(sample) {
        const correction = correct(sample);
        if (correction) return correction;
        const stroke = take('path', sample);
        return stroke && following(stroke, () => {
          if (stroke.samples.length < 2) brush.letGo([stroke]);
          else if (options().autoplay) brush.play([stroke], options(), false);
          else brush.drawn(stroke);
        });
      },
    },
    eraser: {
      begin(sample) {
        const gone = brush.eraseAt(sample);
        return { move: (samples) => samples.forEach((each) => gone.push(...brush.eraseAt(each))), end: () => brush.erased(gone, sample.byKeys ?? false) };
      },
    },
    camera: {
      begin(sample) {
        if (!brush.session) return null;
        const steer = (/** @type {{x: number, y: number}} */ to) => camera.steer('stage', { pan: [(to.x - sample.x) * 2, (to.y - sample.y) * 2] });
        return { move: (samples) => steer(samples[samples.length - 1]), end: () => camera.steer('stage', {}) };
      },
    },
  };
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
