/**
 * Encoded packets in, pictures out, in order. WebCodecs for video, `createImageBitmap` for JPEG.
 * @module
 */

/**
 * @typedef {import('./protocol.js').Packet} Packet
 * @typedef {VideoFrame | ImageBitmap} Picture whoever gets it has to `close()` it
 */

export class FrameDecoder {
  /** @type {VideoDecoder | null} */
  #video = null;
  /** @type {Map<number, Packet>} packets in the decoder, by the timestamp they were given */
  #inside = new Map();
  #serial = 0;
  #needsKey = true;
  /** Grows with each `reset`, so that pictures still under way are recognised as old. */
  #epoch = 0;
  /** @type {Promise<void>} */
  #images = Promise.resolve();

  /**
   * @param {string} codecString as WebCodecs takes it; empty for JPEG
   * @param {(picture: Picture, packet: Packet) => void} onPicture
   * @param {(message: string) => void} onError
   */
  constructor(codecString, onPicture, onError) {
    this.codecString = codecString;
    this.onPicture = onPicture;
    this.onError = onError;
  }

  /** @param {Packet} packet */
  decode(packet) {
    if (packet.codec === 'jpeg') this.#decodeImage(packet);
    else this.#decodeVideo(packet);
  }

  /** Forgets what is under way: the next packet is a key frame. */
  reset() {
    this.#epoch += 1;
    this.#inside.clear();
    this.#needsKey = true;
    if (this.#video?.state === 'configured') {
      this.#video.reset();
      this.#configure(this.#video);
    }
  }

  close() {
    this.reset();
    if (this.#video && this.#video.state !== 'closed') this.#video.close();
    this.#video = null;
  }

  /** @param {Packet} packet */
  #decodeVideo(packet) {
    if (this.#needsKey && !packet.key) return;
    this.#needsKey = false;
    const decoder = this.#video ?? this.#open();
    const timestamp = (this.#serial += 1);
    this.#inside.set(timestamp, packet);
    decoder.decode(new EncodedVideoChunk({ type: packet.key ? 'key' : 'delta', timestamp, data: packet.payload }));
  }

  #open() {
    this.#video = new VideoDecoder({
      output: (frame) => {
        const packet = this.#inside.get(frame.timestamp);
        this.#inside.delete(frame.timestamp);
        if (packet) this.onPicture(frame, packet);
        else frame.close();
      },
      error: (error) => {
        this.#video = null;
        this.#inside.clear();
        this.#needsKey = true;
        this.onError(`The picture could not be decoded (${error.message}). It comes back with the next key frame.`);
      },
    });
    this.#configure(this.#video);
    return this.#video;
  }

  /** @param {VideoDecoder} decoder */
  #configure(decoder) {
    decoder.configure({ codec: this.codecString, optimizeForLatency: true });
  }

  /** @param {Packet} packet */
  #decodeImage(packet) {
    const epoch = this.#epoch;
    const bitmap = createImageBitmap(new Blob([packet.payload], { type: 'image/jpeg' }));
    this.#images = this.#images.then(async () => {
      try {
        const picture = await bitmap;
        if (epoch === this.#epoch) this.onPicture(picture, packet);
        else picture.close();
      } catch (error) {
        this.onError(`A picture could not be decoded (${error}). The next one may be fine.`);
      }
    });
  }
}
