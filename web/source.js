/**
 * A video of one's own, a camera's or a file's, sent to a stream frame by frame: the picture follows it.
 * @module
 */
import { CODECS, FLAG_KEY, HEADER_BYTES, HEADER_VERSION } from './protocol.js';

const FPS = 16;
const QUALITY = 0.85;

/**
 * A frame as it goes over the wire: the header of a media packet, of which a source fills in codec, flags, pts and length.
 * @param {ArrayBuffer} payload a JPEG file
 * @param {number} pts seconds
 */
export function framePacket(payload, pts) {
  const packet = new Uint8Array(HEADER_BYTES + payload.byteLength);
  const view = new DataView(packet.buffer);
  view.setUint8(0, HEADER_VERSION);
  view.setUint8(1, FLAG_KEY);
  view.setUint8(2, CODECS.indexOf('jpeg'));
  view.setBigUint64(16, BigInt(Math.round(pts * 1e6)), true);
  view.setUint32(28, payload.byteLength, true);
  packet.set(new Uint8Array(payload), HEADER_BYTES);
  return packet.buffer;
}

/**
 * The size that a video is sent in: its own shape, no larger than the stream can show.
 * @param {{width: number, height: number}} video
 * @param {{width: number, height: number}} stream
 */
export function sentSize(video, stream) {
  const scale = Math.min(1, Math.max(stream.width / video.width, stream.height / video.height));
  const side = (/** @type {number} */ length) => Math.max(32, 2 * Math.round((length * scale) / 2));
  return { width: side(video.width), height: side(video.height) };
}

export class VideoSource {
  #video;
  #stream;
  #strength;
  #use;
  #canvas = document.createElement('canvas');
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #beat;
  #began = performance.now();
  #busy = false;
  #stopped = false;
  #off;

  /**
   * @param {HTMLVideoElement} video plays already
   * @param {import('./stream.js').Stream} stream
   * @param {number} strength 0..1
   * @param {string} use `picture`, or `tracks`: its motion moves the picture, and what it shows is not seen
   */
  constructor(video, stream, strength, use = 'picture') {
    this.#video = video;
    this.#stream = stream;
    this.#strength = strength;
    this.#use = use;
    this.#off = stream.on('reconnected', () => this.#announce());
    this.#announce();
    this.#beat = setInterval(() => this.#send(), 1000 / FPS);
  }

  /** @param {number} strength 0..1 */
  set strength(strength) {
    this.#strength = strength;
    this.#announce();
  }

  /** @param {string} use */
  set use(use) {
    this.#use = use;
    this.#announce();
  }

  stop() {
    this.#stopped = true;
    clearInterval(this.#beat);
    this.#off();
    this.#stream.endSource();
  }

  #announce() {
    const { videoWidth: width, videoHeight: height } = this.#video;
    Object.assign(this.#canvas, sentSize({ width, height }, this.#stream.ready ?? { width, height }));
    const size = { width: this.#canvas.width, height: this.#canvas.height };
    this.#stream.beginSource({ codec: 'jpeg', ...size, fps: FPS, strength: this.#strength, use: this.#use });
  }

  /** Sends what the video shows now, unless the frame before is still on its way. */
  async #send() {
    if (this.#busy || this.#video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    this.#busy = true;
    try {
      this.#canvas.getContext('2d')?.drawImage(this.#video, 0, 0, this.#canvas.width, this.#canvas.height);
      const pts = (performance.now() - this.#began) / 1000;
      const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ resolve) => this.#canvas.toBlob(resolve, 'image/jpeg', QUALITY));
      const payload = await blob?.arrayBuffer();
      if (payload && !this.#stopped) this.#stream.sourceFrame(framePacket(payload, pts));
    } finally {
      this.#busy = false;
    }
  }
}
