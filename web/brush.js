/**
 * What the painting tools do to the stream: strokes as they are drawn, moved, let go and taken back.
 * @module
 */
import { AskedPrompt } from './asked_prompt.js';
import { CameraMove } from './camera_move.js';
import { dragged, drawn, pinned, played, prompted, removed } from './deeds.js';
import { Emitter } from './emitter.js';
import { HandClock } from './hand_clock.js';
import { History } from './history.js';
import { Holds } from './holds.js';
import { TrackLife } from './track_life.js';
import { distanceTo, pathPoints, Stroke } from './tracks.js';
import { WayBack } from './way_back.js';

const ERASER_REACH = 0.05;

/**
 * @typedef {import('./stream.js').Stream} Stream
 * @typedef {{x: number, y: number, at: number, pressure: number, shift?: boolean, alt?: boolean, byKeys?: boolean}} HandSample `at` in
 *   ms of `performance.now()`; the keys held with it add to what is selected and take away; `byKeys`: of the keyboard's crosshair
 * @typedef {object} Session what the brush needs to know of the stream that it paints on
 * @property {Stream} stream
 * @property {(at: number) => number} position media time on screen
 * @property {() => number} rate of the media clock
 * @property {number} aspect
 * @property {((chunk: number) => Promise<unknown>) | null} goBack to the end of a chunk, −1 for the very beginning; null where the stream cannot
 */

/** @typedef {import('./history.js').Painted} Painted */
/** @extends {Emitter<{control: {id: number, at: number}, refused: Error, began: Stroke, found: {stroke: Stroke, something: boolean}, released: Stroke, erased: {strokes: Stroke[], byKeys: boolean}}>} */
export class Brush extends Emitter {
  /** @type {Set<Stroke>} */
  strokes = new Set();
  /** Newest control that the picture shows. */
  shownId = 0;
  /** @type {Session | null} */
  session = null;
  history = new History();
  #clock = new HandClock();
  #tracks = new TrackLife();
  #holds = new Holds(this.strokes, () => this.#now);
  #wayBack = new WayBack((painted) => (painted instanceof CameraMove || painted instanceof AskedPrompt ? painted.again() : this.#paintAgain(painted)));
  /** Drags of hands that are on the picture together: what they do is one deed. @type {Stroke[]} */
  #together = [];
  /** Whether the first of them came down while what was done before was under way. */
  #beside = false;

  constructor() {
    super();
    this.#holds.on('found', (found) => this.emit('found', found));
    this.#tracks.on('control', (control) => this.emit('control', control));
    this.#tracks.on('began', (stroke) => this.emit('began', stroke));
    this.#tracks.on('refused', ({ stroke, error }) => {
      this.strokes.delete(stroke);
      this.history.keep((each) => each !== stroke);
      this.#lift((each) => each !== stroke);
      this.emit('refused', error);
    });
  }

  /** Newest control that the server has accepted. */
  get queuedId() {
    return this.#tracks.queuedId;
  }

  /** @param {Session | null} session */
  attach(session) {
    this.session = session;
    this.#tracks.attach(session?.stream ?? null);
    this.shownId = 0;
    this.forget();
  }

  /**
   * Puts a point down. Kinds `drag` and `pin` are sent at once; a path is collected until `play`.
   * @param {import('./protocol.js').TrackKind} kind
   * @param {HandSample} sample
   * @param {import('./protocol.js').TrackOptions} [options] a grid of points, or the region that is taken
   * @returns {Stroke | null} null while there is no stream
   */
  begin(kind, sample, options = {}) {
    if (!this.session) return null;
    const { stream, position } = this.session;
    const stroke = new Stroke(kind, options.grid);
    stroke.options = options;
    stroke.byKeys = sample.byKeys ?? false;
    const t = kind === 'path' ? 0 : position(sample.at);
    const first = { x: sample.x, y: sample.y, t, pressure: sample.pressure, id: 0 };
    stroke.samples.push(first);
    this.#clock.begin(stroke, sample.at);
    if (kind === 'pin') this.#tracks.begin(stroke, stream.pin(first, options), 'held', sample.at);
    if (kind === 'drag') this.#tracks.begin(stroke, stream.drag(first, options), 'live', sample.at);
    stroke.began = stroke.track?.ack ?? null;
    this.strokes.add(stroke);
    if (kind === 'drag' && this.#together.push(stroke) === 1) this.#beside = this.history.underWay;
    return stroke;
  }

  /**
   * @param {Stroke} stroke
   * @param {HandSample[]} samples
   */
  move(stroke, samples) {
    const { session } = this;
    if (!session || samples.length === 0 || stroke.phase === 'released') return;
    const fresh = samples.map((sample) => {
      const t = this.#clock.time(stroke, sample.at, session);
      const point = { x: sample.x, y: sample.y, t, pressure: sample.pressure, id: 0 };
      stroke.samples.push(point);
      return point;
    });
    this.#tracks.move(stroke, fresh, samples[0].at);
  }

  /** What a hand will have taken, most likely. @param {Stroke} stroke @param {{region: import('./protocol.js').Region, label?: string}} thing */
  expect(stroke, thing) {
    this.#holds.expect(stroke, thing);
  }

  /** The server says what a hand has taken. @param {import('./protocol.js').Held} held */
  held(held) {
    this.#holds.held(held);
  }

  /** The frame on screen. */
  get #now() {
    const { position, aspect } = /** @type {Session} */ (this.session);
    return { id: this.shownId, pts: position(performance.now()), aspect };
  }

  /** Pins that a page which is loaded again can take up. @returns {import('./kept.js').Pin[]} */
  get pins() {
    const pins = [...this.strokes].filter(({ kind, phase }) => kind === 'pin' && phase === 'held');
    return pins.map(({ track, last, beginChunk }) => ({ track: Number(track?.number), x: last.x, y: last.y, chunk: beginChunk ?? 0 }));
  }

  /** Takes up pins that the stream has already. @param {import('./kept.js').Pin[]} pins */
  adopt(pins) {
    if (!this.session) return;
    for (const { track, x, y, chunk } of pins) {
      const stroke = new Stroke('pin');
      stroke.samples.push({ x, y, t: 0, pressure: 0.5, id: 0 });
      stroke.track = this.session.stream.adopt(track, 'pin');
      stroke.beginChunk = chunk;
      stroke.stand('held');
      this.strokes.add(stroke);
    }
  }

  /** Lets go of a drag. @param {Stroke} stroke */
  release(stroke) {
    if (stroke.phase === 'released' || !this.session) return;
    this.emit('released', stroke);
    stroke.phase = 'released';
    this.#end(stroke);
    this.#lift(() => true);
  }

  /** Hands were lifted: the last of them ends what they did together. @param {(stroke: Stroke) => boolean} there which of their strokes are */
  #lift(there) {
    this.#together = this.#together.filter(there);
    if (this.#together.some(({ phase }) => phase === 'live')) return;
    const strokes = this.#together.splice(0);
    for (const stroke of strokes) stroke.wait = stroke.samples[0].t - strokes[0].samples[0].t;
    if (strokes.length > 0 && this.session?.goBack) this.history.did(dragged(this, strokes), this.#beside);
  }

  /** A pin was set. @param {Stroke} stroke */
  pinned(stroke) {
    if (stroke.phase === 'held') this.history.did(pinned(this, stroke));
  }

  /** A prompt was given. @param {AskedPrompt} prompt */
  prompted(prompt) {
    if (!this.session?.goBack) return;
    this.history.did(prompted(this, prompt));
    prompt.began.queued.catch(() => this.history.keep((each) => each !== prompt)); // it was refused
  }

  /** A path was drawn, and waits. @param {Stroke} stroke */
  drawn(stroke) {
    this.history.did(drawn(this, stroke));
  }

  /**
   * Plays paths that were drawn.
   * @param {Stroke[]} drafts
   * @param {{speed: number, loop: boolean}} options
   * @param {boolean} waited whether they waited for it
   */
  play(drafts, options, waited) {
    if (!this.session || drafts.length === 0) return;
    for (const stroke of drafts) {
      stroke.drawn = stroke.samples;
      stroke.loop = options.loop;
      this.#play(stroke, pathPoints(stroke.samples, options));
    }
    this.history.did(played(this, drafts, waited));
  }

  /** Plays every path that was drawn and waits. @param {{speed: number, loop: boolean}} options */
  playDrafts(options) {
    const drafts = [...this.strokes].filter(({ phase }) => phase === 'draft');
    this.play(drafts, options, true);
    return drafts.length;
  }

  /** A stroke makes its way once more: a drag's as a path's. @param {Stroke} stroke */
  playAgain(stroke) {
    if (stroke.kind === 'drag') stroke.way = pathPoints(stroke.wholeDrag, { speed: 1, loop: false });
    stroke.kind = 'path';
    this.#play(stroke, stroke.way);
  }

  /** What the stream went back to before of, though something else was to be taken back. @param {Stroke} stroke */
  #paintAgain(stroke) {
    if (!this.session) return;
    if (stroke.kind !== 'pin') this.playAgain(stroke);
    else this.#tracks.pin(stroke, this.session.position(performance.now()), stroke.options);
    stroke.began = stroke.track?.ack ?? null;
    this.strokes.add(stroke);
  }

  /** A path that played waits again, as it was drawn. @param {Stroke} stroke */
  waitAgain(stroke) {
    stroke.samples = stroke.drawn;
    stroke.track = null;
    stroke.beginId = stroke.endId = 0;
    stroke.stand('draft');
    this.strokes.add(stroke);
  }

  /** Lets pins and paths go. @param {Stroke[]} strokes */
  letGo(strokes) {
    for (const stroke of strokes) {
      if (stroke.phase === 'released') continue;
      stroke.leave();
      if (stroke.left?.phase !== 'draft') this.#end(stroke);
    }
  }

  /** What was let go begins again where it stood; a path that was over by then does not. @param {Stroke[]} strokes */
  async bringBack(strokes) {
    await Promise.all(strokes.map(({ left }) => left?.known));
    if (!this.session) return;
    for (const stroke of strokes) {
      const { phase = 'released', elapsed = 0 } = stroke.left ?? {};
      if (phase === 'draft') stroke.stand('draft');
      else if (phase === 'held') this.#tracks.pin(stroke, this.session.position(performance.now()));
      else if (phase === 'playing' && (stroke.loop || elapsed < stroke.seconds)) this.#tracks.playOn(stroke, Math.min(elapsed, stroke.seconds));
      else continue;
      this.strokes.add(stroke);
    }
  }

  /** Lets go of what lies under a point; gives the strokes that this was. @param {{x: number, y: number}} point */
  eraseAt(point) {
    const aspect = this.session?.aspect ?? 1;
    const hit = [...this.strokes].filter((stroke) => stroke.phase !== 'released' && distanceTo(stroke, point, aspect) < ERASER_REACH);
    this.letGo(hit);
    return hit;
  }

  /** The eraser is lifted. @param {Stroke[]} strokes that it has let go @param {boolean} byKeys */
  erased(strokes, byKeys) {
    if (strokes.length > 0) this.history.did(removed(this, strokes));
    if (this.session) this.emit('erased', { strokes, byKeys });
  }

  /** Removes every track from the stream. Gives how many were painted here. */
  clear() {
    if (!this.session) return 0;
    const strokes = [...this.strokes].filter(({ phase }) => phase !== 'released');
    for (const stroke of strokes) {
      this.#holds.loosen(stroke);
      stroke.leave();
    }
    this.#tracks.clear(strokes.filter(({ track }) => track));
    if (strokes.length > 0) this.history.did(removed(this, strokes));
    return strokes.length;
  }

  /** The stream goes back to before the first of these strokes; others that began since then stay. @param {Painted[]} strokes */
  async goBack(strokes) {
    const { goBack } = this.session ?? {};
    if (goBack) await this.#wayBack.before(strokes, this.history.strokes, goBack);
  }

  /** The stream starts over: nothing that was painted holds any more, but for what it goes back to before of. */
  startedOver() {
    if (this.#wayBack.active) this.rewound(-1);
    else this.forget();
  }

  forget() {
    this.#together = [];
    this.strokes.clear();
    this.#tracks.forget();
    this.history.forget();
  }

  /** The stream went back to the end of `chunk`, and its tracks with it: what began later is gone, what ended later may go on. @param {number} chunk */
  rewound(chunk) {
    for (const stroke of this.#tracks.rewound(chunk)) this.strokes.add(stroke);
    for (const stroke of this.strokes) {
      if (stroke.outlives(chunk)) continue;
      this.#holds.loosen(stroke);
      stroke.phase = 'released'; // a hand that is still on it moves nothing
      this.strokes.delete(stroke);
    }
    this.history.keep((stroke) => stroke.outlives(chunk) || this.#wayBack.keeps(stroke));
    this.#lift((stroke) => stroke.outlives(chunk));
    // What is still there was shown before; while the stream is paused no frame comes that says so.
    this.shownId = Math.max(0, ...[...this.strokes].map(({ beginId }) => beginId));
  }

  /**
   * A frame is on screen: paths advance, loops go round, what is over begins to fade.
   * @param {{control: number, pts: number}} shown
   */
  shown({ control, pts }) {
    this.shownId = control;
    for (const stroke of this.strokes) {
      if (stroke.beginId > 0 && control >= stroke.beginId && !stroke.told) this.#holds.untold(stroke);
      if (stroke.phase === 'playing' && stroke.playedFrom === null && control >= stroke.beginId) stroke.playedFrom = (stroke.beginPts ?? pts) - stroke.skipped;
      const over = stroke.playedFrom !== null && pts - stroke.playedFrom >= stroke.seconds;
      if (stroke.phase === 'playing' && over) this.#pathOver(stroke);
      if (stroke.phase === 'released' && control >= stroke.endId) stroke.fadeAt ??= performance.now();
    }
    this.history.goOn();
  }

  /** @param {Stroke} stroke */
  #pathOver(stroke) {
    this.#end(stroke);
    if (stroke.loop) this.#tracks.playOn(stroke, 0);
    else {
      stroke.phase = 'released';
      stroke.fadeAt = performance.now();
    }
  }

  /** @param {Stroke} stroke @param {import('./protocol.js').Point[]} way */
  #play(stroke, way) {
    stroke.follow(way);
    this.#tracks.play(stroke);
    stroke.began = stroke.track?.ack ?? null;
    this.strokes.add(stroke);
  }

  /** Lets a track go. @param {Stroke} stroke */
  #end(stroke) {
    this.#holds.loosen(stroke);
    this.#tracks.end(stroke);
  }
}
