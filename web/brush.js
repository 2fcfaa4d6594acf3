/**
 * What the painting tools do to the stream: begins, moves and ends tracks, and keeps the strokes that the overlay draws.
 * @module
 */
import { Emitter } from './emitter.js';
import { HeldOutline } from './held_outline.js';
import { distanceTo, pathPoints, Stroke } from './tracks.js';

const ERASER_REACH = 0.05;
const UNDO_KEPT = 100;
const ENDED_KEPT = 200;
/** The media time of a sample stays this close to the screen's, in seconds. */
const CLOCK_BEHIND = 0.1;
const CLOCK_AHEAD = 0.25;

/**
 * @typedef {import('./stream.js').Stream} Stream
 * @typedef {{x: number, y: number, at: number, pressure: number, shift?: boolean, alt?: boolean, byKeys?: boolean}} HandSample `at` in
 *   ms of `performance.now()`; the keys held with it add to what is selected and take away; `byKeys`: of the keyboard's crosshair
 * @typedef {{stroke: Stroke, label: string, undo: () => void}} Undo
 * @typedef {object} Session what the brush needs to know of the stream that it paints on
 * @property {Stream} stream
 * @property {(at: number) => number} position media time on screen
 * @property {() => number} rate of the media clock
 * @property {number} aspect
 */

/** @extends {Emitter<{control: {id: number, at: number}, changed: null, undrag: Stroke, refused: Error, began: Stroke, found: {stroke: Stroke, something: boolean}, released: Stroke}>} */
export class Brush extends Emitter {
  /** @type {Set<Stroke>} */
  strokes = new Set();
  /** Newest control that the server accepted, and that the picture shows. */
  queuedId = 0;
  shownId = 0;
  /** @type {Session | null} */
  session = null;
  /** @type {Undo[]} */
  #undo = [];
  /** Strokes that ended, newest last: a rewind may bring them back. @type {Stroke[]} */
  #ended = [];

  /** @param {Session | null} session */
  attach(session) {
    this.session = session;
    this.queuedId = 0;
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
    this.#handAt.set(stroke, sample.at);
    if (kind !== 'path') {
      stroke.track = kind === 'pin' ? stream.pin(first, options) : stream.drag(first, options);
      stroke.phase = kind === 'pin' ? 'held' : 'live';
      first.id = stroke.beginId = this.#sent(stroke.track.ack, sample.at, stroke);
    }
    this.strokes.add(stroke);
    this.emit('changed', null);
    return stroke;
  }

  /** @type {WeakMap<Stroke, number>} wall time of the newest sample of a stroke */
  #handAt = new WeakMap();

  /**
   * @param {Stroke} stroke
   * @param {HandSample[]} samples
   */
  move(stroke, samples) {
    if (!this.session || samples.length === 0 || stroke.phase === 'released') return;
    const fresh = samples.map((sample) => {
      const t = this.#mediaTime(stroke, sample.at);
      const point = { x: sample.x, y: sample.y, t, pressure: sample.pressure, id: 0 };
      stroke.samples.push(point);
      return point;
    });
    if (!stroke.track) return;
    const id = this.#sent(stroke.track.move(fresh.map(({ x, y, t }) => ({ x, y, t }))), samples[0].at, null);
    for (const point of fresh) point.id = id;
  }

  /** What a hand will have taken, most likely; the server has the last word. @param {Stroke} stroke @param {{region: import('./protocol.js').Region, label?: string}} thing */
  expect(stroke, { region, label = '' }) {
    stroke.name = label;
    if (stroke.told || stroke.phase === 'released') return;
    this.#take(stroke, region);
    this.emit('found', { stroke, something: region.length > 0 });
  }

  /** The server says what a hand has taken. @param {import('./protocol.js').Held} held */
  held({ track, region }) {
    for (const stroke of this.strokes) {
      if (stroke.track?.number !== track || stroke.phase === 'released') continue;
      stroke.told = true;
      this.#take(stroke, region);
      this.emit('found', { stroke, something: region.length > 0 });
    }
  }

  /** @param {Stroke} stroke @param {import('./protocol.js').Region} region as it stands in the picture now */
  #take(stroke, region) {
    this.#letGo(stroke);
    if (region.length === 0) return;
    const now = this.#now;
    const shared = [...this.strokes].find(({ held, phase }) => held && phase !== 'released' && held.is(region, now))?.held;
    if (shared) shared.join(stroke, region, now);
    stroke.held = shared ?? new HeldOutline(region, stroke, stroke.samples[0]);
  }

  /** @param {Stroke} stroke */
  #letGo(stroke) {
    stroke.held?.leave(stroke, this.#now);
    stroke.held = null;
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
      stroke.phase = 'held';
      this.strokes.add(stroke);
    }
  }

  /** Lets go of a drag. @param {Stroke} stroke */
  release(stroke) {
    if (stroke.phase === 'released' || !this.session) return;
    this.emit('released', stroke);
    stroke.phase = 'released';
    this.#end(stroke);
    this.#pushUndo(stroke, 'drag', () => this.emit('undrag', stroke));
  }

  /** A pin was set: it can be taken back. @param {Stroke} stroke */
  pinned(stroke) {
    this.#pushUndo(stroke, 'pin', () => this.erase(stroke));
  }

  /**
   * Plays a drawn path.
   * @param {Stroke} stroke
   * @param {{speed: number, loop: boolean}} options
   */
  play(stroke, options) {
    if (!this.session || stroke.phase !== 'draft') return;
    const points = pathPoints(stroke.samples, options);
    stroke.samples = points.map((point) => ({ ...point, pressure: 0.5, id: 0 }));
    stroke.loop = options.loop;
    stroke.seconds = points[points.length - 1].t;
    this.#playNow(stroke);
    this.#pushUndo(stroke, 'path', () => this.erase(stroke));
  }

  /** Plays every path that was drawn and waits. @param {{speed: number, loop: boolean}} options */
  playDrafts(options) {
    const drafts = [...this.strokes].filter(({ phase }) => phase === 'draft');
    for (const stroke of drafts) this.play(stroke, options);
    return drafts.length;
  }

  /** @param {Stroke} stroke */
  erase(stroke) {
    const alive = stroke.phase === 'held' || stroke.phase === 'playing' || stroke.phase === 'live';
    if (alive) this.#end(stroke);
    stroke.phase = 'released';
    stroke.loop = false;
    stroke.fadeAt = performance.now();
    this.emit('changed', null);
  }

  /** Erases what lies under a point; returns how many strokes that were. @param {{x: number, y: number}} point */
  eraseAt(point) {
    const aspect = this.session?.aspect ?? 1;
    const hit = [...this.strokes].filter(
      (stroke) => stroke.phase !== 'released' && distanceTo(stroke, point, aspect) < ERASER_REACH,
    );
    hit.forEach((stroke) => this.erase(stroke));
    return hit.length;
  }

  /** Removes every track from the stream. */
  clear() {
    if (!this.session) return;
    const ack = this.session.stream.clearTracks();
    this.#sent(ack, performance.now(), null);
    for (const stroke of this.strokes) {
      if (stroke.phase !== 'released') this.#noteEnd(stroke, ack);
      stroke.phase = 'released';
      stroke.loop = false;
      stroke.fadeAt ??= performance.now();
    }
    this.emit('changed', null);
  }

  get undoable() {
    return this.#undo.length > 0;
  }

  /** Takes the newest action back. Returns what it was, or null. */
  undo() {
    const action = this.#undo.pop();
    action?.undo();
    this.emit('changed', null);
    return action?.label ?? null;
  }

  /** The stream starts over: nothing that was painted holds any more. */
  forget() {
    this.strokes.clear();
    this.#ended = [];
    this.#undo = [];
    this.emit('changed', null);
  }

  /**
   * The stream went back to the end of `chunk`, and its tracks with it: what began later is gone; what ended later
   * is held again by the server, and is let go once more.
   * @param {number} chunk
   */
  rewound(chunk) {
    for (const stroke of this.strokes) {
      const began = stroke.beginChunk ?? Infinity;
      if (began <= chunk || stroke.phase === 'draft') continue;
      this.#letGo(stroke);
      this.strokes.delete(stroke);
    }
    for (const { track, beginChunk, endChunk } of this.#ended) {
      if ((beginChunk ?? Infinity) <= chunk && (endChunk ?? Infinity) > chunk) track?.release();
    }
    this.#ended = [];
    this.#undo = this.#undo.filter((action) => [...this.strokes].some((stroke) => stroke === action.stroke));
    // What is still there was shown before; while the stream is paused no frame comes that says so.
    this.shownId = Math.max(0, ...[...this.strokes].map(({ beginId }) => beginId));
    this.emit('changed', null);
  }

  /**
   * A frame is on screen: paths advance, loops go round, what is over begins to fade.
   * @param {{control: number, pts: number}} shown
   */
  shown({ control, pts }) {
    this.shownId = control;
    for (const stroke of this.strokes) {
      if (stroke.beginId > 0 && control >= stroke.beginId && !stroke.told) this.#untold(stroke);
      if (stroke.phase === 'playing' && stroke.playedFrom === null && control >= stroke.beginId) stroke.playedFrom = pts;
      const over = stroke.playedFrom !== null && pts - stroke.playedFrom >= stroke.seconds;
      if (stroke.phase === 'playing' && over) this.#pathOver(stroke);
      if (stroke.phase === 'released' && control >= stroke.endId) stroke.fadeAt ??= performance.now();
    }
  }

  /** The picture shows what a hand does, and the server has not said that it holds something: it holds nothing. @param {Stroke} stroke */
  #untold(stroke) {
    stroke.told = true;
    this.#letGo(stroke);
    this.emit('found', { stroke, something: false });
  }

  /** @param {Stroke} stroke */
  #pathOver(stroke) {
    this.#end(stroke);
    if (stroke.loop) this.#playNow(stroke);
    else {
      stroke.phase = 'released';
      stroke.fadeAt = performance.now();
    }
  }

  /** @param {Stroke} stroke */
  #playNow(stroke) {
    const { stream } = /** @type {Session} */ (this.session);
    const points = stroke.samples.map(({ x, y, t }) => ({ x, y, t }));
    stroke.track = stream.path(points, stroke.options);
    stroke.beginChunk = null;
    stroke.beginId = this.#sent(stroke.track.ack, performance.now(), stroke);
    for (const sample of stroke.samples) sample.id = stroke.beginId;
    stroke.phase = 'playing';
    stroke.told = false;
    stroke.playedFrom = null;
    this.emit('changed', null);
  }

  /** Lets a track go. @param {Stroke} stroke */
  #end(stroke) {
    this.#letGo(stroke);
    if (!stroke.track) return;
    const ack = stroke.track.release();
    stroke.endId = this.#sent(ack, performance.now(), null);
    this.#noteEnd(stroke, ack);
  }

  /**
   * @param {Stroke} stroke
   * @param {import('./acks.js').Ack} ack of the control that ended it
   */
  #noteEnd(stroke, ack) {
    const { track, beginChunk } = stroke;
    const ended = Object.assign(new Stroke(stroke.kind), { track, beginChunk });
    this.#ended.push(ended);
    if (this.#ended.length > ENDED_KEPT) this.#ended.shift();
    ack.queued.then(
      ({ chunk }) => (ended.endChunk = chunk),
      () => {},
    );
  }

  /**
   * Notes a control for the latency figures and follows its answers. A refused beginning takes the stroke away.
   * @param {import('./acks.js').Ack} ack
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
      (error) => {
        if (!begun) return;
        this.strokes.delete(begun);
        this.emit('refused', error);
      },
    );
    return ack.id;
  }

  /**
   * Media time of a sample: the hand's own pace, kept close to what is on screen while that moves.
   * @param {Stroke} stroke
   * @param {number} at
   */
  #mediaTime(stroke, at) {
    const { position, rate, stream } = /** @type {Session} */ (this.session);
    const before = stroke.last.t;
    const elapsed = Math.max(0, at - (this.#handAt.get(stroke) ?? at)) / 1000;
    this.#handAt.set(stroke, at);
    if (stroke.kind === 'path' || stream.paused) return before + elapsed;
    const screen = position(at);
    const running = before + elapsed * rate();
    return Math.max(before, Math.min(Math.max(running, screen - CLOCK_BEHIND), screen + CLOCK_AHEAD));
  }

  /**
   * @param {Stroke} stroke
   * @param {string} label
   * @param {() => void} undo
   */
  #pushUndo(stroke, label, undo) {
    this.#undo.push({ stroke, label, undo });
    if (this.#undo.length > UNDO_KEPT) this.#undo.shift();
    this.emit('changed', null);
  }
}
