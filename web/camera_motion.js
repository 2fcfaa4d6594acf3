/**
 * Velocities of the camera, as they are added up and bounded.
 * @module
 */

/**
 * @typedef {{pan: [number, number], zoom: number, roll: number}} Motion pan in frame sizes, zoom in doublings, roll in
 *   degrees, each a second
 */

const PAN_MAX = 1;
const ZOOM_MAX = 2;
const ROLL_MAX = 90;

/** @param {number} value @param {number} most */
const within = (value, most) => Math.round(Math.min(most, Math.max(-most, value)) * 1000) / 1000;

/** @param {Partial<Motion>} motion @param {number} factor @returns {Motion} */
export function times({ pan: [x, y] = [0, 0], zoom = 0, roll = 0 }, factor) {
  return { pan: [x * factor, y * factor], zoom: zoom * factor, roll: roll * factor };
}

/** @param {Iterable<Partial<Motion>>} motions @returns {Motion} */
export function sum(motions) {
  let [x, y, zoom, roll] = [0, 0, 0, 0];
  for (const motion of motions) {
    x += motion.pan?.[0] ?? 0;
    y += motion.pan?.[1] ?? 0;
    zoom += motion.zoom ?? 0;
    roll += motion.roll ?? 0;
  }
  return { pan: [x, y], zoom, roll };
}

/** As a stream takes it: no faster than the protocol allows, in thousandths. @param {Motion} motion @returns {Motion} */
export function bounded({ pan: [x, y], zoom, roll }) {
  return { pan: [within(x, PAN_MAX), within(y, PAN_MAX)], zoom: within(zoom, ZOOM_MAX), roll: within(roll, ROLL_MAX) };
}

export const STILL = bounded(sum([]));

/** @param {Motion} motion */
export const stands = (motion) => JSON.stringify(bounded(motion)) === JSON.stringify(STILL);
