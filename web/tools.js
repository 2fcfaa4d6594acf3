/**
 * The tools in the strip: what each does with a gesture of the hand.
 * @module
 */

/**
 * @typedef {import('./painter.js').Tool} Tool
 * @typedef {'drag' | 'pin' | 'path' | 'grid' | 'camera' | 'eraser'} ToolName
 * @typedef {{rows: number, cols: number, spacing: number, speed: number, loop: boolean, autoplay: boolean}} ToolOptions
 */

/** Capability that a model needs for each tool. @type {Record<ToolName, string | null>} */
export const TOOL_NEEDS = { drag: 'drag', pin: 'pin', path: 'path', grid: 'drag', camera: 'camera', eraser: null };

/**
 * @param {import('./brush.js').Brush} brush
 * @param {import('./camera.js').CameraControl} camera
 * @param {() => ToolOptions} options
 * @returns {Record<ToolName, Tool>}
 */
export function makeTools(brush, camera, options) {
  /** @param {() => import('./protocol.js').Grid | null} grid @returns {Tool} */
  const dragging = (grid) => ({
    begin(sample) {
      const stroke = brush.begin('drag', sample, grid());
      return stroke && { move: (samples) => brush.move(stroke, samples), end: () => brush.release(stroke) };
    },
  });
  return {
    drag: dragging(() => null),
    grid: dragging(() => {
      const { rows, cols, spacing } = options();
      return { rows, cols, spacing };
    }),
    pin: {
      begin(sample) {
        const stroke = brush.begin('pin', sample, null);
        return stroke && { move() {}, end: () => brush.pinned(stroke) };
      },
    },
    path: {
      begin(sample) {
        const stroke = brush.begin('path', sample, null);
        const end = () => {
          if (!stroke) return;
          if (stroke.samples.length < 2) brush.erase(stroke);
          else if (options().autoplay) brush.play(stroke, options());
        };
        return stroke && { move: (samples) => brush.move(stroke, samples), end };
      },
    },
    eraser: {
      begin(sample) {
        brush.eraseAt(sample);
        return { move: (samples) => samples.forEach((each) => brush.eraseAt(each)), end() {} };
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
