/**
 * The page's side of playing a stream: owns the decode worker, knows what is on screen, tells the time of it.
 * @module
 */
import { Emitter } from './emitter.js';

/**
 * @typedef {import('./screen.js').FromScreen} FromScreen
 * @typedef {import('./screen.js').Shown} Shown
 * @typedef {import('./screen.js').Report} Report
 */

/** @extends {Emitter<{shown: Shown, report: Report, thumb: import('./screen.js').Thumb, needsKey: string, unusable: string, trouble: string}>} */
export class Player extends Emitter {
  /** @type {Shown | null} */
  shown = null;
  /** @type {Report | null} */
  report = null;
  #frameSeconds = 1 / 16;
  /** @type {(message: any, transfer?: Transferable[]) => void} */
  #send;
  /** @type {((blob: Blob | null) => void)[]} */
  #snapshots = [];

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    super();
    this.#send = 'transferControlToOffscreen' in canvas ? this.#inWorker(canvas) : this.#inPage(canvas);
  }

  /** @param {import('./protocol.js').Ready} ready */
  configure({ width, height, fps, codec_string: codecString }) {
    this.#frameSeconds = 1 / fps;
    this.shown = this.report = null; // what was told of the stream before says nothing of this one
    this.#send({ type: 'configure', format: { width, height, fps, codecString } });
  }

  /** Takes over the buffer of a packet. @param {ArrayBuffer} buffer */
  push(buffer) {
    this.#send({ type: 'packet', buffer }, [buffer]);
  }

  /** The stream is made at this share of real time from now on. @param {number} rate */
  limit(rate) {
    this.#send({ type: 'limit', rate });
  }

  /** The stream was paused: what comes next is not late. */
  hold() {
    this.#send({ type: 'hold' });
  }

  /** The stream jumped: what waits is of another past. @param {number} [pts] media time of the frame that it went back to */
  flush(pts) {
    if (this.shown && pts !== undefined) this.shown = { ...this.shown, pts };
    this.#flushes += 1;
    this.#send({ type: 'flush' });
  }

  /** Those that the decoder has not heard of yet: until then it tells of the past that is over. */
  #flushes = 0;

  /** Shows a picture of any size until the next frame comes. @param {ImageBitmap} picture */
  async preview(picture) {
    const bitmap = await createImageBitmap(picture);
    this.#send({ type: 'preview', bitmap }, [bitmap]);
  }

  /** The picture on screen as PNG. @returns {Promise<Blob | null>} */
  snapshot() {
    return new Promise((resolve) => {
      this.#snapshots.push(resolve);
      this.#send({ type: 'snapshot' });
    });
  }

  /**
   * Media time on screen at `now` (ms, of `performance.now()`); at most one frame past the picture that is shown.
   * @param {number} [now]
   */
  position(now = performance.now()) {
    if (!this.shown) return 0;
    const elapsed = ((performance.timeOrigin + now - this.shown.at) / 1000) * this.shown.rate;
    return this.shown.pts + Math.min(Math.max(0, elapsed), this.#frameSeconds);
  }

  /** @param {HTMLCanvasElement} canvas */
  #inWorker(canvas) {
    const worker = new Worker(new URL('./decode_worker.js', import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => this.#hear(data);
    worker.onerror = (event) => this.emit('trouble', `The decoder stopped (${event.message}). Reload the page.`);
    const offscreen = canvas.transferControlToOffscreen();
    worker.postMessage({ type: 'canvas', canvas: offscreen }, [offscreen]);
    return (/** @type {any} */ message, /** @type {Transferable[]} */ transfer = []) => worker.postMessage(message, transfer);
  }

  /** @param {HTMLCanvasElement} canvas */
  #inPage(canvas) {
    const screen = import('./screen.js').then(({ Screen }) => new Screen(canvas, (message) => this.#hear(message)));
    /** @type {Record<string, (screen: import('./screen.js').Screen, message: any) => void>} */
    const calls = {
      configure: (on, { format }) => on.configure(format),
      packet: (on, { buffer }) => on.packet(buffer),
      limit: (on, { rate }) => on.limit(rate),
      hold: (on) => on.hold(),
      flush: (on) => on.flush(),
      preview: (on, { bitmap }) => on.preview(bitmap),
      snapshot: (on) => on.snapshot(),
    };
    return (/** @type {any} */ message) => void screen.then((on) => calls[message.type](on, message));
  }

  /** @param {FromScreen} message */
  #hear(message) {
    switch (message.type) {
      case 'flushed':
        this.#flushes -= 1;
        break;
      case 'shown':
        if (this.#flushes > 0) break;
        this.shown = message;
        this.emit('shown', message);
        break;
      case 'report':
        this.report = message;
        this.emit('report', message);
        break;
      case 'thumb':
        if (this.#flushes > 0) message.bitmap.close();
        else this.emit('thumb', message);
        break;
      case 'snapshot':
        this.#snapshots.shift()?.(message.blob);
        break;
      case 'needs-key':
        this.emit('needsKey', message.why);
        break;
      case 'unusable':
        this.emit('unusable', message.why);
        break;
    }
  }
}
