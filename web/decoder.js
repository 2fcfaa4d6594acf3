/**
 * Encoded packets in, pictures out, in order. WebCodecs for video, `createImageBitmap` for JPEG.
 * @module
 */
import { taken } from './pixels.js';

/** Errors in a row after which a codec counts as one that does not work here: one that has shown nothing yet, and one that has. */
const FAILURES_AT_FIRST = 3;
const FAILURES_LATER = 20;
/** While packets are thrown away for want of a key frame, one is asked for at the first and after so many. */
const ASK_EVERY = 32;

/**
 * @typedef {import('./protocol.js').Packet} Packet
 * @typedef {VideoFrame | ImageBitmap | import('./pixels.js').Pixels} Picture whoever gets it has to `close()` it
 */

export class FrameDecoder {
  /** @type {VideoDecoder | null} */
  #video = null;
  /** @type {Map<number, Packet>} packets in the decoder, by the timestamp they were given */
  #inside = new Map();
  #serial = 0;
  /** @type {Set<Packet>} decoded, or decoding outside of the decoder: their pictures are to come in turn */
  #turns = new Set();
  #needsKey = true;
  /** Errors since the last picture. */
  #failures = 0;
  #works = false;
  /** Packets thrown away since the decoder waits for a key frame. */
  #skipped = 0;
  /** Grows with each `reset`, so that pictures still under way are recognised as old. */
  #epoch = 0;
  /** @type {Promise<void>} pictures come out in the order in which they went in */
  #order = Promise.resolve();

  /**
   * @param {string} codecString as WebCodecs takes it; empty for JPEG
   * @param {object} hears
   * @param {(picture: Picture, packet: Packet) => void} hears.picture
   * @param {(packet: Packet) => void} hears.lost a packet that no picture comes of
   * @param {(why: string) => void} hears.needsKey the decoder goes on with the next key frame
   * @param {(why: string) => void} hears.unusable this codec does not work here
   */
  constructor(codecString, hears) {
    this.codecString = codecString;
    this.hears = hears;
  }

  /** Packets that neither a picture nor a loss was told of yet. */
  get pending() {
    return this.#inside.size + this.#turns.size;
  }

  /** @param {Packet} packet */
  decode(packet) {
    if (packet.codec === 'jpeg') this.#decodeImage(packet);
    else this.#decodeVideo(packet);
  }

  /** Forgets what is under way: the next packet is a key frame. */
  reset() {
    this.close();
    this.#needsKey = true;
  }

  close() {
    this.#epoch += 1;
    this.#inside.clear();
    this.#turns.clear();
    const video = this.#video;
    this.#video = null;
    if (video && video.state !== 'closed') video.close();
  }

  /** @param {Packet} packet */
  #decodeVideo(packet) {
    if (this.#needsKey && !packet.key) {
      this.hears.lost(packet);
      if (this.#skipped % ASK_EVERY === 0) this.hears.needsKey('the stream was entered between two key frames');
      this.#skipped += 1;
      return;
    }
    this.#needsKey = false;
    this.#skipped = 0;
    const timestamp = (this.#serial += 1);
    this.#inside.set(timestamp, packet);
    try {
      this.#video ??= this.#open();
      this.#video.decode(new EncodedVideoChunk({ type: packet.key ? 'key' : 'delta', timestamp, data: packet.payload }));
    } catch (error) {
      this.#failed(error);
    }
  }

  #open() {
    const decoder = new VideoDecoder({
      output: (frame) => {
        const packet = this.#inside.get(frame.timestamp);
        this.#inside.delete(frame.timestamp);
        this.#failures = 0;
        this.#works = true;
        if (packet) this.#inTurn(packet, taken(frame));
        else frame.close();
      },
      error: (error) => decoder === this.#video && this.#failed(error),
    });
    decoder.configure({ codec: this.codecString, optimizeForLatency: true });
    return decoder;
  }

  /** Whatever went wrong inside: begins anew with the next key frame, or never when that helps nothing. @param {unknown} error */
  #failed(error) {
    const lost = [...this.#turns, ...this.#inside.values()];
    this.reset();
    this.#failures += 1;
    lost.forEach((packet) => this.hears.lost(packet));
    const why = error instanceof Error ? error.message : String(error);
    this.#skipped = 1; // it is asked for below
    const unsupported = error instanceof DOMException && error.name === 'NotSupportedError';
    if (!unsupported && this.#failures < (this.#works ? FAILURES_LATER : FAILURES_AT_FIRST)) this.hears.needsKey(why);
    else this.hears.unusable(why);
  }

  /** @param {Packet} packet */
  #decodeImage(packet) {
    this.#inTurn(packet, createImageBitmap(new Blob([packet.payload], { type: 'image/jpeg' })));
  }

  /** @param {Packet} packet @param {Promise<Picture>} made its picture */
  #inTurn(packet, made) {
    const epoch = this.#epoch;
    made.catch(() => {}); // it is looked at below, in its turn
    this.#turns.add(packet);
    this.#order = this.#order.then(async () => {
      const picture = await made.catch(() => null);
      if (epoch !== this.#epoch) {
        picture?.close();
        return;
      }
      this.#turns.delete(packet);
      if (picture) this.hears.picture(picture, packet);
      else this.hears.lost(packet); // the next one stands on its own
    });
  }
}
