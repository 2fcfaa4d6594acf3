/**
 * Draws a stream on a canvas: packets in, decoded just in time, each frame at its time. Runs in the decode worker, or
 * in the page where canvases cannot be handed to a worker.
 * @module
 */
import { FrameDecoder } from './decoder.js';
import { Pixels } from './pixels.js';
import { Playout } from './playout.js';
import { parsePacket } from './protocol.js';

/** Decoded pictures held at most: hardware decoders stop when more of theirs are kept. */
const DECODED_MAX = 6;
const THUMB_WIDTH = 112;
const REPORT_MS = 100;
const RATE_WINDOW_MS = 2000;

/**
 * @typedef {import('./decoder.js').Picture} Picture
 * @typedef {import('./protocol.js').Packet & {picture: Picture}} Frame
 * @typedef {object} Shown a frame was drawn
 * @property {'shown'} type
 * @property {number} frame
 * @property {number} chunk
 * @property {number} control
 * @property {number} pts
 * @property {number} rate of the media clock, 1 for real time
 * @property {number} at wall time, ms since the epoch
 * @typedef {{type: 'report', pts: number, buffered: number, waiting: number, fps: number, stalls: number, skipped: number, rate: number, reserve: number}} Report
 * @typedef {{type: 'thumb', chunk: number, bitmap: ImageBitmap}} Thumb
 * @typedef {{type: 'needs-key', why: string}} NeedsKey the picture stands until the next key frame
 * @typedef {{type: 'unusable', why: string}} Unusable the codec does not work here
 * @typedef {{type: 'snapshot', blob: Blob | null}} Snapshot
 * @typedef {{type: 'flushed'}} Flushed what was told before is of another past
 * @typedef {Shown | Report | Thumb | NeedsKey | Unusable | Snapshot | Flushed} FromScreen
 * @typedef {{width: number, height: number, fps: number, codecString: string}} Format
 */

/** Wall time that the page and the worker agree on, ms. */
const wall = () => performance.timeOrigin + performance.now();

export class Screen {
  #canvas;
  #context;
  #post;
  /** @type {FrameDecoder | null} */
  #decoder = null;
  /** @type {Playout<Frame> | null} */
  #playout = null;
  /** @type {import('./protocol.js').Packet[]} */
  #encoded = [];
  #decoded = 0;
  #nextPts = 0;
  /** @type {number[]} */
  #drawnAt = [];
  #reportedAt = 0;

  /**
   * @param {HTMLCanvasElement | OffscreenCanvas} canvas
   * @param {(message: FromScreen, transfer?: Transferable[]) => void} post
   */
  constructor(canvas, post) {
    this.#canvas = canvas;
    const context = /** @type {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D | null} */ (
      canvas.getContext('2d', { alpha: false })
    );
    if (!context) throw new Error('this browser gives no 2D canvas');
    this.#context = context;
    this.#post = post;
    const loop = () => {
      this.#tick();
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  }

  /** @param {Format} format */
  configure({ width, height, fps, codecString }) {
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
    }
    this.#forget();
    this.#decoder?.close();
    this.#decoder = new FrameDecoder(codecString, {
      picture: (picture, packet) => this.#decodedPicture(picture, packet),
      lost: ({ pts }) => this.#playout?.lose(pts),
      needsKey: (why) => this.#post({ type: 'needs-key', why }),
      unusable: (why) => this.#post({ type: 'unusable', why }),
    });
    this.#playout = new Playout(fps);
  }

  /** @param {ArrayBuffer} buffer */
  packet(buffer) {
    if (!this.#playout || !this.#decoder) return;
    const packet = parsePacket(buffer);
    const jump = packet.discontinuity && Math.abs(packet.pts - this.#nextPts) > this.#playout.frameSeconds / 2;
    if (jump) this.#forget();
    this.#nextPts = packet.pts + this.#playout.frameSeconds;
    this.#encoded.push(packet);
    this.#feed();
  }

  /** The stream is made at this share of real time from now on. @param {number} rate */
  limit(rate) {
    this.#playout?.limit(rate, performance.now());
  }

  /** The stream was paused: what comes next is not late. */
  hold() {
    this.#playout?.hold();
  }

  /** The stream jumped. Says when what comes from here is of what follows. */
  flush() {
    this.#forget();
    this.#post({ type: 'flushed' });
  }

  /** Forgets what waits to be decoded or shown: the stream goes on with a key frame. */
  #forget() {
    this.#encoded = [];
    this.#decoder?.reset();
    this.#playout?.flush(this.#drop);
    this.#decoded = 0;
  }

  /** Draws a picture that stands in until the next frame comes. @param {ImageBitmap} bitmap */
  preview(bitmap) {
    this.#context.drawImage(bitmap, 0, 0, this.#canvas.width, this.#canvas.height);
    bitmap.close();
  }

  async snapshot() {
    const canvas = this.#canvas;
    /** @type {Blob | null} */
    const blob = 'convertToBlob' in canvas
      ? await canvas.convertToBlob({ type: 'image/png' })
      : await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
    this.#post({ type: 'snapshot', blob });
  }

  /** @param {Frame} frame */
  #drop = (frame) => {
    frame.picture.close();
    this.#decoded -= 1;
  };

  /** Gives the decoder as many packets as pictures may be held. */
  #feed() {
    const decoder = this.#decoder;
    while (decoder && this.#encoded.length > 0 && this.#decoded + decoder.pending < DECODED_MAX) {
      decoder.decode(/** @type {import('./protocol.js').Packet} */ (this.#encoded.shift()));
    }
  }

  /**
   * @param {Picture} picture
   * @param {import('./protocol.js').Packet} packet
   */
  #decodedPicture(picture, packet) {
    this.#decoded += 1;
    this.#playout?.push({ ...packet, picture }, performance.now());
    this.#tick();
  }

  #tick() {
    const now = performance.now();
    const frame = this.#playout?.next(now, this.#drop);
    if (frame) this.#draw(frame, now);
    this.#feed();
    if (now - this.#reportedAt >= REPORT_MS) this.#report(now);
  }

  /**
   * @param {Frame} frame
   * @param {number} now
   */
  #draw(frame, now) {
    const { picture, chunk, control, pts, last } = frame;
    if (picture instanceof Pixels) picture.drawOn(this.#context);
    else this.#context.drawImage(picture, 0, 0, this.#canvas.width, this.#canvas.height);
    this.#drop(frame);
    this.#drawnAt.push(now);
    const rate = this.#playout?.rate ?? 1;
    this.#post({ type: 'shown', frame: frame.frame, chunk, control, pts, rate, at: wall() });
    this.#report(now);
    if (last) this.#thumb(chunk);
  }

  /** @param {number} now */
  #report(now) {
    const playout = this.#playout;
    if (!playout) return;
    this.#reportedAt = now;
    while (this.#drawnAt.length > 0 && now - this.#drawnAt[0] > RATE_WINDOW_MS) this.#drawnAt.shift();
    const { pts, buffered } = playout.report(now);
    const waiting = (this.#encoded.length + (this.#decoder?.pending ?? 0)) * playout.frameSeconds;
    this.#post({
      type: 'report',
      pts,
      buffered: buffered + waiting,
      waiting: playout.buffered + waiting,
      fps: (this.#drawnAt.length * 1000) / RATE_WINDOW_MS,
      stalls: playout.stalls,
      skipped: playout.skipped,
      rate: playout.rate,
      reserve: playout.reserve(now),
    });
  }

  /** @param {number} chunk */
  async #thumb(chunk) {
    const { width, height } = this.#canvas;
    const resizeHeight = Math.max(1, Math.round((THUMB_WIDTH * height) / width));
    const bitmap = await createImageBitmap(this.#canvas, { resizeWidth: THUMB_WIDTH, resizeHeight, resizeQuality: 'low' });
    this.#post({ type: 'thumb', chunk, bitmap }, [bitmap]);
  }
}
