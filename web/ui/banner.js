/**
 * What the stream is doing, in words: the lamp in the bar, and a banner over the stage when somebody has to wait.
 * @module
 */
import { block, button } from './dom.js';

/** @typedef {'live' | 'wait' | 'off' | 'idle'} Lamp */

/** @param {string} text @param {Lamp} lamp */
export function status(text, lamp) {
  const line = block('status-text');
  if (line.textContent !== text) line.textContent = text; // it is read aloud each time that it is written
  block('status').dataset.lamp = lamp;
}

/**
 * @param {string} text
 * @param {{label: string, run: () => void} | null} [action]
 * @param {boolean} [busy] whether something is under way
 */
export function showBanner(text, action = null, busy = true) {
  const banner = block('banner');
  block('banner-text').textContent = text;
  const act = button('banner-action');
  act.hidden = action === null;
  act.textContent = action?.label ?? '';
  act.onclick = action?.run ?? null;
  /** @type {HTMLElement} */ (banner.querySelector('.spinner')).hidden = !busy;
  banner.hidden = false;
  opening = false;
}

/** Whether the banner tells of what comes next, not of the stream on stage, which may play on meanwhile. */
let opening = false;

/** Something is being opened, until a stream begins with it or `hideBanner` is called. @param {string} text */
export function showOpening(text) {
  showBanner(text);
  opening = true;
}

/** Pictures come: nobody waits for them. */
export function pictureCame() {
  if (!opening) hideBanner();
}

export function hideBanner() {
  opening = false;
  block('banner').hidden = true;
}
