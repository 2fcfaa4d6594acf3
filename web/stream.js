/**
 * One stream: what a program can ask of it, with every argument looked at before it is sent.
 * @module
 */
import { checks, given } from './check.js';
import { Conversation } from './conversation.js';
import { promptList, wirePoint } from './protocol.js';
import { Track } from './stream_track.js';

/**
 * @typedef {import('./protocol.js').Point} Point
 * @typedef {import('./protocol.js').TrackOptions} TrackOptions
 * @typedef {import('./acks.js').Ack} Ack
 * @typedef {import('./conversation.js').State} State
 * @typedef {import('./conversation.js').StreamOptions} StreamOptions
 * @typedef {{x: number, y: number, t?: number, visible?: boolean}} LoosePoint
 */

export class Stream extends Conversation {
  /** Numbers of tracks grow. */
  #lastTrack = 0;

  /**
   * @param {string | import('./protocol.js').Prompt | import('./protocol.js').Prompt[]} prompt
   * @param {{transition?: import('./protocol.js').Transition}} [options]
   * @returns {Ack}
   */
  setPrompt(prompt, options = {}) {
    checks.prompt(prompt, 'prompt');
    checks.prompting(options, 'options');
    const { transition } = options;
    return this.control({ type: 'prompt.set', prompts: promptList(prompt), ...(transition && { transition }) });
  }

  /**
   * A point that follows the hand. `options.grid` moves a whole grid of points; `options.region` says what is taken.
   * @param {LoosePoint | LoosePoint[]} points
   * @param {TrackOptions} [options]
   */
  drag(points, options) {
    return this.#begin('drag', points, options);
  }

  /**
   * A point that must stay where it is.
   * @param {LoosePoint} point
   * @param {TrackOptions} [options]
   */
  pin(point, options) {
    return this.#begin('pin', point, options);
  }

  /**
   * A whole trajectory; `t` counts from the first frame that plays it.
   * @param {Point[]} points
   * @param {TrackOptions} [options]
   */
  path(points, options) {
    return this.#begin('path', points, options);
  }

  /** @param {Partial<import('./protocol.js').Camera>} camera @returns {Ack} */
  camera(camera) {
    checks.camera(camera, 'camera');
    const { pan = [0, 0], zoom = 0, roll = 0, mode = 'velocity' } = given(camera);
    return this.control({ type: 'camera.set', mode, pan, zoom, roll });
  }

  /** @param {import('./protocol.js').TrackKind[]} [kinds] @returns {Ack} */
  clearTracks(kinds) {
    if (kinds !== undefined) checks.kinds(kinds, 'kinds');
    return this.control({ type: 'tracks.clear', ...(kinds && { kinds }) });
  }

  /**
   * What a hand would take at a place of the frame. The stream does not feel it; the latest probe wins, so that one whose
   * successor is sent before its answer came may have none.
   * @param {{x: number, y: number, add?: [number, number][], remove?: [number, number][]}} touch
   * @returns {Promise<import('./protocol.js').Outline>}
   */
  async probe(touch) {
    checks.touch(touch, 'touch');
    return this.request({ type: 'probe', ...given(touch) });
  }

  /** The picture follows a video of one's own from now on. @param {{codec: string, width: number, height: number, fps: number, strength: number, use?: string}} source */
  beginSource(source) {
    checks.source(source, 'source');
    this.tell({ type: 'source.begin', ...given(source) });
  }

  /** A frame of it, behind the header of media packets (see `source.js`). @param {ArrayBuffer} packet */
  sourceFrame(packet) {
    checks.packet(packet, 'packet');
    this.tell(packet);
  }

  /** The picture goes on without it. */
  endSource() {
    this.tell({ type: 'source.end' });
  }

  /** @returns {Promise<{chunk: number}>} */
  pause() {
    return this.request({ type: 'session.pause' });
  }

  /** @returns {Promise<{chunk: number}>} */
  resume() {
    return this.request({ type: 'session.resume' });
  }

  /** Makes `chunks` chunks while paused; answered when they are made. @returns {Promise<{chunk: number}>} */
  async step(chunks = 1) {
    checks.chunks(chunks, 'chunks');
    return this.request({ type: 'session.step', chunks });
  }

  /** Back to the end of `chunk`. @param {number} chunk @returns {Promise<{chunk: number}>} */
  async rewind(chunk) {
    checks.chunk(chunk, 'chunk');
    return this.request({ type: 'session.rewind', chunk });
  }

  /** Starts over with the same settings. @param {number} [seed] @returns {Promise<{chunk: number}>} */
  async reset(seed) {
    if (seed !== undefined) checks.seed(seed, 'seed');
    return this.request({ type: 'session.reset', ...(seed !== undefined && { seed }) });
  }

  /**
   * Tells the server what is on screen. `pts` and `buffered` in seconds.
   * @param {number} pts
   * @param {number} buffered
   */
  playhead(pts, buffered) {
    checks.seconds(pts, 'pts');
    checks.seconds(buffered, 'buffered');
    this.tell({ type: 'playhead', pts, buffered });
  }

  /**
   * Sends a control, or keeps it until the connection is back.
   * @param {Record<string, any>} message
   * @returns {Ack}
   */
  control(message) {
    const ack = super.control(message);
    if (message.type === 'track.begin') this.#lastTrack = Math.max(this.#lastTrack, message.track);
    return ack;
  }

  /**
   * Points as they go over the wire, with the media time now where none was given.
   * @param {LoosePoint | LoosePoint[]} points
   */
  timed(points) {
    checks.points(points, 'points');
    const now = this.clock();
    return [points].flat().map((point) => wirePoint({ ...given(point), t: point.t ?? now }));
  }

  /**
   * @param {import('./protocol.js').TrackKind} kind
   * @param {LoosePoint | LoosePoint[]} points
   * @param {TrackOptions} [options]
   */
  #begin(kind, points, options = {}) {
    if (kind === 'path') checks.path(points, 'points');
    checks.taking(options, 'options');
    const number = (this.#lastTrack += 1);
    const body = { type: 'track.begin', track: number, kind, points: this.timed(points), ...given(options) };
    return new Track(this, number, kind, this.control(body));
  }

  /**
   * A track of this session that was begun over another connection.
   * @param {number} number
   * @param {import('./protocol.js').TrackKind} kind
   */
  adopt(number, kind) {
    checks.track(number, 'number');
    checks.kind(kind, 'kind');
    this.#lastTrack = Math.max(this.#lastTrack, number);
    return new Track(this, number, kind, { id: 0, queued: Promise.resolve({ chunk: 0 }), applied: Promise.resolve({ chunk: 0, frame: 0 }) });
  }
}
