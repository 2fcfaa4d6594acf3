/**
 * One stream at a time: starts it, keeps client, player, brush and camera together, and says what happens to it.
 * @module
 */
import { AskedPrompt } from './asked_prompt.js';
import { Brush } from './brush.js';
import { CameraControl } from './camera.js';
import { Emitter } from './emitter.js';
import { FlowWatch } from './flow_watch.js';
import { giveUp, Stream, StreamError } from './flowbrush.js';
import { Jumps } from './jumps.js';
import { LatencyMeter } from './latency.js';
import { Player } from './player.js';
import { Prober } from './prober.js';
import { Replaying } from './replaying.js';

const PLAYHEAD_MS = 60;
const PLAYHEAD_IDLE_MS = 200;

/**
 * @typedef {import('./protocol.js').StartSettings} StartSettings
 * @typedef {import('./protocol.js').Ready} Ready
 * @typedef {object} AppEvents
 * @property {null} starting a stream is being opened
 * @property {Ready} ready
 * @property {import('./screen.js').Shown} shown
 * @property {import('./screen.js').Thumb} thumb
 * @property {import('./protocol.js').ChunkInfo} chunk
 * @property {import('./stream.js').State} state
 * @property {{position: number, size: number}} queue
 * @property {boolean} paused
 * @property {null} still the newest picture of a stream that was paused before is there, if there is one
 * @property {{chunk: number, pts: number, prompts?: import('./protocol.js').Prompt[]}} cut the stream now ends with this chunk, −1 after a reset, at this media time; the prompts that hold there
 * @property {number} prompted the chunk that will show a new prompt first
 * @property {null} stalled pictures should come, and do not
 * @property {string} recovering
 * @property {import('./protocol.js').Notice} notice
 * @property {import('./stream_error.js').StreamError} failed the stream has ended against the will of the person
 * @property {null} ended by the person, or because the server is done
 * @property {unknown} trouble something failed, the stream goes on
 */

/** @extends {Emitter<AppEvents>} */
export class App extends Emitter {
  brush = new Brush();
  camera = new CameraControl();
  prober = new Prober();
  latency = new LatencyMeter();
  /** @type {Stream | null} */
  stream = null;
  /** Id of the newest session, kept after it ended: its recording can still be had. @type {string | null} */
  session = null;
  watching = false;
  player;
  rest;
  #playheadAt = 0;
  #flow = new FlowWatch();
  /** Whether a picture of the stream on stage has come: before, there is no place in it to tell the server. */
  #begun = false;
  #replay = new Replaying();
  #jumps = new Jumps();

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./rest.js').Rest} rest
   */
  constructor(canvas, rest) {
    super();
    this.rest = rest;
    this.player = new Player(canvas);
    this.player.on('shown', (shown) => this.#shown(shown));
    this.player.on('report', (report) => this.#sendPlayhead(report, PLAYHEAD_MS));
    this.player.on('thumb', (thumb) => this.emit('thumb', thumb));
    this.player.on('trouble', (message) => this.emit('trouble', new Error(message)));
    this.player.on('needsKey', () => this.stream?.askForKeyFrame());
    this.player.on('unusable', (why) => this.#nextCodec(why));
    this.brush.on('control', ({ id, at }) => this.latency.sent(id, at));
    this.camera.on('control', ({ id, at }) => this.latency.sent(id, at));
    this.brush.on('refused', (error) => this.emit('trouble', error));
    this.#jumps.on('prompted', (chunk) => this.emit('prompted', chunk));
    this.#jumps.on('trouble', (error) => this.emit('trouble', error));
    addEventListener('online', () => this.stream?.reconnectNow());
    // Without pictures (a hidden tab, a pause) nothing reports: the server still has to hear where the screen is.
    setInterval(() => {
      if (this.player.report) this.#sendPlayhead(this.player.report, PLAYHEAD_IDLE_MS);
      const { stream } = this;
      if (this.#flow.late(stream?.state === 'live' && this.#begun && !stream.paused && !document.hidden)) this.emit('stalled', null);
    }, PLAYHEAD_IDLE_MS);
  }

  /** @param {StartSettings} settings */
  start(settings) {
    this.watching = false;
    this.#settings = settings;
    return this.#open(new Stream(settings, { url: () => this.rest.streamUrl() }));
  }

  /** @type {StartSettings} */
  #settings = {};

  /**
   * The codec of the stream does not work here: begins again with the next one, for a codec belongs to its stream.
   * @param {string} why
   */
  #nextCodec(why) {
    const { stream } = this;
    if (!stream?.ready) return;
    const { codec } = stream.ready;
    giveUp(codec);
    if (codec === 'jpeg' || this.watching || this.#settings.resume) {
      this.#drop();
      this.emit('failed', new StreamError({ code: 'no_codec', message: `this browser cannot show ${codec} video (${why})` }));
      return;
    }
    this.emit('trouble', new StreamError({ code: 'codec_failed', message: `${codec}: ${why}` }));
    this.start(this.#settings);
  }

  /** Looks on at somebody's session. @param {string} session */
  watch(session) {
    this.watching = true;
    return this.#open(new Stream({}, { url: () => this.rest.watchUrl(session), watch: true }));
  }

  /**
   * Plays a session file, then leaves the stream paused to be painted on. Gives false when the person took over before.
   * @param {import('./replay.js').SessionFile} file
   * @param {string} [image] id of its start image
   */
  async replay(file, image) {
    const { startOf } = await import('./replay.js');
    const opened = this.start({ ...startOf(file), ...(image && { image }), paused: true });
    const whole = await this.#replay.play(opened, file);
    if (whole) this.emit('paused', true);
    return whole;
  }

  /** Whether a session file is being played: the stream is paused, and steps on by itself. */
  get replaying() {
    return this.#replay.active;
  }

  /** Ends the stream, on the server too. */
  stop() {
    if (this.#drop()) this.emit('ended', null);
  }

  /** Leaves the stream for another one: the server keeps it for a while. */
  leave() {
    const left = this.#own;
    if (!left) return;
    this.#replay.end();
    this.stream = null;
    left.leave();
  }

  /** Lets go of the stream; whether there was one. */
  #drop() {
    this.#replay.end();
    const stream = this.stream;
    this.stream = null;
    stream?.disconnect();
    this.brush.attach(null);
    this.camera.attach(null);
    this.prober.attach(null);
    this.latency.forget();
    return stream !== null;
  }

  /** The stream, when it is this page's to steer. */
  get #own() {
    return this.watching ? null : this.stream;
  }

  async togglePause() {
    const stream = this.#own;
    if (!stream) return;
    this.#replay.end();
    await this.#try(stream.paused ? stream.resume() : stream.pause());
  }

  /** One chunk more while paused; steps that are asked for faster than they are made wait for each other. */
  async step() {
    const stream = this.#own;
    if (!stream?.paused) return;
    this.#steps = this.#steps.then(() => this.#try(stream.step(1)));
    await this.#steps;
  }

  /** @type {Promise<void>} */
  #steps = Promise.resolve();

  /** Another prompt for the stream. @param {import('./jumps.js').Asked} asked */
  prompt(asked) {
    const stream = this.#own;
    if (stream) this.brush.prompted(new AskedPrompt(() => this.#jumps.ask(stream, asked)));
  }

  /** @param {number} chunk */
  async rewind(chunk) {
    if (this.#own) await this.#try(this.#jumps.to(this.#own, chunk));
  }

  /** @param {number} [seed] */
  async reset(seed) {
    if (this.#own) await this.#try(this.#own.reset(seed));
  }

  /** What a page's address has after the `#` to go on from the end of `chunk` by itself. @param {number} chunk */
  async branch(chunk) {
    const { resume_token: token, last_frame: frame } = await this.rest.branch(this.session ?? '', chunk);
    return `#resume=${encodeURIComponent(token)}&last_frame=${frame}`;
  }

  /** @param {Promise<unknown>} answer */
  async #try(answer) {
    try {
      await answer;
    } catch (error) {
      this.emit('trouble', error);
    }
  }

  /** @param {Stream} stream @returns {Promise<Stream | null>} null when it did not open */
  async #open(stream) {
    this.#drop();
    this.stream = stream;
    this.#begun = false;
    this.player.flush(); // frames of the stream before are none of this one
    stream.clock = () => this.player.position();
    this.#listen(stream);
    this.emit('starting', null);
    try {
      await stream.open();
      return stream;
    } catch {
      return null; // `closed` has told it
    }
  }

  /** @param {Stream} stream */
  #listen(stream) {
    /** @param {string} event @param {(message: any) => void} listener only while this stream is the one on stage */
    const on = (event, listener) => stream.on(event, (message) => this.stream === stream && listener(message));
    on('session.ready', (ready) => this.#ready(stream, ready));
    on('packet', ({ buffer }) => {
      this.#begun = true;
      this.#flow.came();
      this.player.push(buffer);
    });
    on('chunk', (chunk) => {
      this.player.limit(chunk.rate ?? 1);
      this.camera.goOn(chunk.chunk);
      this.emit('chunk', chunk);
    });
    on('queue', (queue) => this.emit('queue', queue));
    on('state', (state) => this.emit('state', state));
    on('session.paused', ({ chunk }) => {
      this.#paused(true);
      if (chunk > 0 && !this.#begun && !this.watching) this.#showNewest(stream);
    });
    on('session.resumed', () => this.#paused(false));
    on('session.rewound', ({ chunk, prompts }) => this.#cut(stream, chunk, prompts));
    on('session.restarted', ({ prompts }) => this.#cut(stream, -1, prompts));
    on('track.held', (held) => this.brush.held(held));
    on('session.recovering', ({ reason }) => this.emit('recovering', reason));
    on('notice', (notice) => this.emit('notice', notice));
    on('error', (failure) => stream.state === 'live' && !failure.awaited && this.emit('trouble', Object.assign(new Error(failure.message), failure)));
    on('closed', (error) => this.#closed(stream, error));
  }

  /** @param {Stream} stream @param {Ready} ready */
  #ready(stream, ready) {
    const again = this.session === ready.session && this.brush.session?.stream === stream;
    this.session = ready.session;
    if (!again) {
      this.player.configure(ready);
      if (!this.watching) {
        const { player } = this;
        const goBack = ready.capabilities.rewind === false ? null : (/** @type {number} */ chunk) => this.#jumps.to(stream, chunk);
        this.brush.attach({ stream, aspect: ready.width / ready.height, position: (at) => player.position(at), rate: () => player.shown?.rate ?? 1, goBack });
        this.camera.attach(stream);
        this.prober.attach(ready.capabilities.probe === false ? null : stream);
      }
    }
    if (stream.paused || again) this.#paused(stream.paused);
    this.emit('ready', ready);
  }

  /** @param {boolean} paused */
  #paused(paused) {
    if (!paused) this.#steps = Promise.resolve(); // a step under way is answered by nobody now
    this.player.hold();
    this.latency.forget();
    this.emit('paused', paused);
  }

  /** A paused stream sends nothing until it goes on: neither to a page that comes to it, nor when it went back. @param {Stream} stream */
  async #showNewest(stream) {
    const { count } = this.#jumps;
    const { lastFrame } = stream;
    const picture = await this.rest.newest(this.session ?? '').catch(() => null);
    if (this.stream !== stream || this.#jumps.count !== count || stream.lastFrame !== lastFrame) return; // what came since is newer
    if (picture) await this.player.preview(picture);
    if (!this.#begun) this.emit('still', null);
  }

  /** @param {Stream} stream @param {number} chunk @param {import('./protocol.js').Prompt[]} [prompts] */
  #cut(stream, chunk, prompts) {
    this.#jumps.count += 1;
    this.#steps = Promise.resolve();
    const { chunk_frames: frames, fps } = /** @type {Ready} */ (stream.ready);
    const pts = Math.max(0, (chunk + 1) * frames - 1) / fps; // of its last frame
    this.player.flush(pts);
    this.latency.forget();
    if (chunk < 0) this.brush.startedOver();
    else this.brush.rewound(chunk);
    this.camera.cut(chunk);
    this.emit('cut', { chunk, pts, prompts });
    if (!stream.paused) return;
    if (chunk >= 0) this.#showNewest(stream);
    else this.step(); // there is no picture before the first
  }

  /** @param {Stream} stream @param {StreamError} error */
  async #closed(stream, error) {
    this.stream = null;
    this.brush.attach(null);
    this.camera.attach(null);
    this.prober.attach(null);
    const refused = error.code === 'closed_1006' && !stream.ready;
    if (error.code === 'closed_1000') this.emit('ended', null);
    else this.emit('failed', refused ? await this.rest.whyNoStream() : error);
  }

  /** @param {import('./screen.js').Shown} shown */
  #shown(shown) {
    if (!this.stream) return;
    this.latency.shown(shown.control, shown.at - performance.timeOrigin);
    this.brush.shown(shown);
    this.prober.lookAgain();
    this.emit('shown', shown);
  }

  /** @param {import('./screen.js').Report} report @param {number} interval */
  #sendPlayhead({ pts, buffered }, interval) {
    const now = performance.now();
    if (!this.stream || !this.#begun || now - this.#playheadAt < interval) return;
    this.#playheadAt = now;
    this.stream.playhead(pts, buffered);
  }
}
