/**
 * Tracks of strokes on the stream: begins and ends them, and keeps what the server said of that. A step back to before the end
 * of a track has it on the stream again: a pin or a path goes on with it, what a person let go is let go once more.
 * @module
 */
import { Emitter } from './emitter.js';

const ENDED_KEPT = 200;
/** Of a control that is refused: who sent it hears of it. */
const ignore = () => {};

/**
 * @typedef {import('./acks.js').Ack} Ack
 * @typedef {import('./stream_track.js').Track} Track
 * @typedef {import('./stream.js').Stream} Stream
 * @typedef {import('./tracks.js').Stroke} Stroke
 * @typedef {object} Ended a track that ended, and how its stroke was while it had it
 * @property {Stroke} stroke
 * @property {import('./protocol.js').TrackKind} kind
 * @property {Pick<Stroke, 'track' | 'beginId' | 'beginChunk' | 'beginPts' | 'skipped' | 'playedFrom' | 'held'>} was
 * @property {number | null} endChunk the first that showed it no more, as far as the server has said
 */

/** @extends {Emitter<{control: {id: number, at: number}, began: Stroke, refused: {stroke: Stroke, error: Error}}>} */
export class TrackLife extends Emitter {
  /** Newest control that the server has accepted. */
  queuedId = 0;
  /** @type {Stream | null} */
  stream = null;
  /** Newest last: a rewind may bring them back. @type {Ended[]} */
  #ended = [];

  /** @param {Stream | null} stream */
  attach(stream) {
    this.stream = stream;
    this.queuedId = 0;
  }

  /**
   * A track of a stroke begins.
   * @param {Stroke} stroke
   * @param {Track} track
   * @param {import('./tracks.js').Phase} phase
   * @param {number} at wall time of the hand, ms
   */
  begin(stroke, track, phase, at) {
    stroke.stand(phase);
    stroke.track = track;
    stroke.beginChunk = stroke.endChunk = stroke.beginPts = null;
    stroke.endId = 0;
    stroke.told = false;
    stroke.beginId = this.#sent(track.ack, at, stroke);
    this.#noteBegin(stroke, track.ack);
    for (const sample of stroke.samples) sample.id = stroke.beginId;
  }

  /** A path plays, with what it has taken from its begin on. @param {Stroke} stroke */
  play(stroke) {
    this.#play(stroke, 0, stroke.options);
  }

  /** It plays on. @param {Stroke} stroke @param {number} from seconds of its way that were made before */
  playOn(stroke, from) {
    this.#play(stroke, from, stroke.optionsThere);
  }

  /** @param {Stroke} stroke @param {number} from @param {import('./protocol.js').TrackOptions} options */
  #play(stroke, from, options) {
    stroke.skipped = from;
    stroke.playedFrom = null;
    this.begin(stroke, this.#live.path(stroke.rest, options), 'playing', performance.now());
  }

  /** A pin is set where it stood. @param {Stroke} stroke @param {number} t media time on screen @param {import('./protocol.js').TrackOptions} [options] */
  pin(stroke, t, options = stroke.optionsThere) {
    const { x, y } = stroke.last;
    stroke.samples = [{ ...stroke.last, t }];
    this.begin(stroke, this.#live.pin({ x, y, t }, options), 'held', performance.now());
  }

  /** More of a live one. @param {Stroke} stroke @param {import('./tracks.js').Sample[]} fresh @param {number} at */
  move(stroke, fresh, at) {
    if (!stroke.track) return;
    const id = this.#sent(stroke.track.move(fresh.map(({ x, y, t }) => ({ x, y, t }))), at, null);
    for (const sample of fresh) sample.id = id;
  }

  /** A track is let go. @param {Stroke} stroke */
  end(stroke) {
    if (!stroke.track) return;
    const ack = stroke.track.release();
    stroke.endId = this.#sent(ack, performance.now(), null);
    this.#noteEnd(stroke, ack);
  }

  /** All tracks of the stream are let go. @param {Stroke[]} strokes those of this page */
  clear(strokes) {
    const ack = this.#live.clearTracks();
    this.#sent(ack, performance.now(), null);
    for (const stroke of strokes) this.#noteEnd(stroke, ack);
  }

  /**
   * The stream went back to the end of `chunk`: what ended later is there again. Gives the strokes that go on with it.
   * @param {number} chunk
   */
  rewound(chunk) {
    const begun = this.#ended.filter(({ was }) => (was.beginChunk ?? Infinity) <= chunk);
    this.#ended = [];
    const onward = [];
    for (const ended of begun) {
      const { stroke, kind, was, endChunk } = ended;
      const over = (endChunk ?? Infinity) <= chunk;
      if (!over && kind !== 'drag' && !stroke.left && stroke.phase !== 'draft') {
        Object.assign(stroke, was, { endId: 0 });
        stroke.stand(kind === 'pin' ? 'held' : 'playing');
        onward.push(stroke);
        continue;
      }
      this.#ended.push(ended);
      if (!over && was.track) this.#noteEndChunk(ended, was.track.release());
    }
    return onward;
  }

  forget() {
    this.#ended = [];
  }

  get #live() {
    return /** @type {Stream} */ (this.stream);
  }

  /** @param {Stroke} stroke @param {Ack} ack of the control that ended it */
  #noteEnd(stroke, ack) {
    const { kind, left, track, beginId, beginChunk, beginPts, skipped, playedFrom, lost } = stroke;
    /** @type {Ended} */
    const ended = { stroke, kind, was: { track, beginId, beginChunk, beginPts, skipped, playedFrom, held: lost }, endChunk: null };
    this.#ended.push(ended);
    if (this.#ended.length > ENDED_KEPT) this.#ended.shift();
    if (beginChunk === null) track?.ack.queued.then(({ chunk }) => (ended.was.beginChunk = chunk), ignore); // a quick hand is sooner than the answer
    const { chunk_frames: frames, fps } = /** @type {import('./protocol.js').Ready} */ (this.#live.ready);
    /** @param {number} frame that begins without it */
    const stood = (frame) => {
      if (!left) return;
      const began = stroke.beginPts ?? ((stroke.beginChunk ?? Infinity) * frames) / fps;
      left.elapsed = stroke.skipped + Math.max(0, frame / fps - began);
    };
    const known = this.#noteEndChunk(ended, ack).then(() => {
      if (ended.endChunk !== null) stood(ended.endChunk * frames); // most likely
    });
    ack.applied.then(({ frame }) => stood(frame), ignore);
    if (left) left.known = known;
  }

  /** @param {Ended} ended @param {Ack} ack of the control that ended it */
  #noteEndChunk(ended, ack) {
    ended.endChunk = null;
    return ack.queued.then(({ chunk }) => {
      ended.endChunk = chunk;
    }, ignore);
  }

  /** @param {Stroke} stroke @param {Ack} ack of its beginning */
  #noteBegin(stroke, ack) {
    const { fps } = /** @type {import('./protocol.js').Ready} */ (this.#live.ready);
    ack.applied.then(({ frame }) => {
      if (stroke.beginId === ack.id) stroke.beginPts = frame / fps;
    }, ignore);
  }

  /**
   * Notes a control for the latency figures and follows its answers.
   * @param {Ack} ack
   * @param {number} at
   * @param {Stroke | null} begun
   */
  #sent(ack, at, begun) {
    this.emit('control', { id: ack.id, at });
    ack.queued.then(
      ({ chunk }) => {
        this.queuedId = Math.max(this.queuedId, ack.id);
        if (!begun) return;
        begun.beginChunk = chunk;
        this.emit('began', begun);
      },
      (error) => begun && this.emit('refused', { stroke: begun, error }),
    );
    return ack.id;
  }
}
