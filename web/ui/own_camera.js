/**
 * The camera of this machine, and why there is none.
 * @module
 */
import { StreamError } from '../stream_error.js';

/** What to say of each way in which a browser gives no camera, by the name of its error. @type {Record<string, string>} */
const CODES = { NotFoundError: 'no_camera', OverconstrainedError: 'no_camera', NotReadableError: 'camera_busy', AbortError: 'camera_busy' };

/** @param {number} width of its picture, at best @returns {Promise<MediaStream>} rejects with what to do where there is none */
export async function openCamera(width) {
  if (!navigator.mediaDevices) throw new StreamError({ code: 'camera_insecure', message: 'the page is not opened by https or on localhost' });
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width } });
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    throw new StreamError({ code: CODES[name] ?? 'camera_refused', message });
  }
}
