/**
 * What is held of a track that was begun.
 * @module
 */

/**
 * @typedef {import('./acks.js').Ack} Ack
 * @typedef {import('./stream.js').LoosePoint} LoosePoint
 */

/** A live drag, pin or path. */
export class Track {
  /**
   * @param {import('./stream.js').Stream} stream
   * @param {number} number
   * @param {import('./protocol.js').TrackKind} kind
   * @param {Ack} ack
   */
  constructor(stream, number, kind, ack) {
    this.stream = stream;
    this.number = number;
    this.kind = kind;
    this.ack = ack;
  }

  /** @param {LoosePoint | LoosePoint[]} points @returns {Ack} */
  move(points) {
    return this.stream.control({ type: 'track.move', track: this.number, points: this.stream.timed(points) });
  }

  /** @returns {Ack} */
  release() {
    return this.stream.control({ type: 'track.end', track: this.number });
  }
}
