/**
 * What a page that is loaded again goes on with: the stream that it left, for as long as the server keeps its place.
 * @module
 */

const KEY = 'flowbrush.stream';
/** As long as a resume token holds. */
export const KEPT_MS = 60000;

/**
 * @typedef {{track: number, x: number, y: number, chunk: number}} Pin `chunk` is the first that showed it
 *
 * @typedef {object} Kept
 * @property {string} token
 * @property {number} lastFrame
 * @property {string} prompt
 * @property {Pin[]} pins
 * @property {boolean} [ofPicture] whether it began with a picture
 */

/** The page is left. @param {Kept} kept */
export function keep(kept) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ ...kept, left: Date.now() }));
  } catch {
    // A browser that lends no storage begins anew.
  }
}

/** What the page before this one left in this tab a moment ago, once. @returns {Kept | null} */
export function takeKept() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    sessionStorage.removeItem(KEY);
    return kept && Date.now() - kept.left < KEPT_MS ? kept : null;
  } catch {
    return null;
  }
}
