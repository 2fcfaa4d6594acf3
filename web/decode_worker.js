/**
 * The worker's side of the player: hands messages of the page to a Screen on the canvas that it was given.
 * @module
 */
import { Screen } from './screen.js';

/**
 * @typedef {{type: 'canvas', canvas: OffscreenCanvas} | {type: 'configure', format: import('./screen.js').Format}
 *   | {type: 'packet', buffer: ArrayBuffer} | {type: 'limit', rate: number} | {type: 'hold'} | {type: 'flush'}
 *   | {type: 'preview', bitmap: ImageBitmap} | {type: 'snapshot'}} ToScreen
 */

/** @type {Screen | null} */
let screen = null;

/** @param {MessageEvent<ToScreen>} event */
self.onmessage = ({ data }) => {
  switch (data.type) {
    case 'canvas':
      screen = new Screen(data.canvas, (message, transfer = []) => self.postMessage(message, { transfer }));
      break;
    case 'configure':
      screen?.configure(data.format);
      break;
    case 'packet':
      screen?.packet(data.buffer);
      break;
    case 'limit':
      screen?.limit(data.rate);
      break;
    case 'hold':
      screen?.hold();
      break;
    case 'flush':
      screen?.flush();
      break;
    case 'preview':
      screen?.preview(data.bitmap);
      break;
    case 'snapshot':
      screen?.snapshot();
      break;
  }
};
