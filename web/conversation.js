/**
 * A conversation with the server over one WebSocket: how it begins, what is answered, what is said again after a lost
 * connection, and how it ends. Resumes by itself.
 * @module
 */
import { Acks } from './acks.js';
import { checks, given } from './check.js';
import { playableCodecs, streamUrl } from './defaults.js';
import { Emitter } from './emitter.js';
import { Link } from './link.js';
import { parsePacket } from './protocol.js';
import { StreamError } from './stream_error.js';

/**
 * @typedef {import('./protocol.js').Ready} Ready
 * @typedef {import('./protocol.js').Failure} Failure
 * @typedef {import('./acks.js').Ack} Ack
 * @typedef {'connecting' | 'queued' | 'live' | 'reconnecting' | 'closed'} State
 * @typedef {{state: State, packet: import('./protocol.js').Packet & {buffer: ArrayBuffer}} & Record<string, any>} StreamEvents
 */

/**
 * @typedef {object} StreamOptions
 * @property {string | (() => Promise<string> | string)} [url] where the server is; the page's own by default
 * @property {boolean} [watch] only look on: nothing is sent, and the settings are not used
 */

/** How long the server has to close a stream that was ended. */
const CLOSE_MS = 2000;

/** @extends {Emitter<StreamEvents>} */
export class Conversation extends Emitter {
  /** @type {State} */
  state = 'connecting';
  /** @type {Ready | null} */
  ready = null;
  paused = false;
  /** Index of the last frame received, −1 for none. */
  lastFrame = -1;
  /** Media time now: replace it with the player's, which knows what is on screen. @type {() => number} */
  clock = () => this.#lastPts;
  /** Round trip of the last ping, ms. */
  roundTripMs = 0;

  #settings;
  #watch;
  #link;
  #acks = new Acks();
  #lastId = 0;
  #lastPts = 0;
  /** @type {Map<number, {resolve: (message: any) => void, reject: (error: Error) => void}>} */
  #replies = new Map();
  /** @type {StreamError | null} */
  #failure = null;
  /** What it was told last that was wrong, but for answers. @type {StreamError | null} */
  #trouble = null;
  /** @type {{resolve: (ready: Ready) => void, reject: (error: Error) => void} | null} */
  #opening = null;

  /**
   * @param {import('./protocol.js').StartSettings} settings
   * @param {StreamOptions} [options]
   */
  constructor(settings, options = {}) {
    super();
    checks.settings(settings, 'settings');
    checks.options(options, 'options');
    const { url = streamUrl(), watch = false } = options;
    this.#settings = given(settings);
    this.#watch = watch;
    this.paused = settings.paused ?? false;
    this.lastFrame = settings.last_frame ?? -1;
    this.#link = new Link(typeof url === 'string' ? () => url : url);
    this.#link.on('open', () => this.#greet());
    this.#link.on('text', (text) => this.#hear(text));
    this.#link.on('binary', (buffer) => this.#receive(buffer));
    this.#link.on('lost', (closed) => this.#lost(closed));
    this.#link.on('closed', (closed) => this.#end(closed));
    this.#link.on('tick', () => this.#ping());
  }

  /** @returns {Promise<Ready>} */
  async open() {
    this.#settings = { codecs: await playableCodecs(), ...this.#settings };
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#link.open();
    });
  }

  /** Ends the session on the server too. */
  disconnect() {
    this.#link.persistent = false;
    // The server closes when it has read this; who only looks on, or waits in vain, closes by themselves.
    const told = !this.#watch && this.#link.send({ type: 'session.stop' });
    if (told) setTimeout(() => this.#link.close(), CLOSE_MS);
    else this.#link.close();
    this.#end({ code: 1000, reason: 'disconnected' });
  }

  /** Ends the connection alone: the server keeps the session's place for a while, to be resumed. */
  leave() {
    this.#link.persistent = false;
    this.#link.close();
    this.#end({ code: 1000, reason: 'left' });
  }

  /** Has the next chunk begin with a key frame, for a decoder that lost its way. */
  askForKeyFrame() {
    if (this.#watch) this.#link.reopen();
    else this.#link.send({ type: 'keyframe' });
  }

  /** Tries a lost connection again at once. */
  reconnectNow() {
    this.#link.hurry();
  }

  /**
   * Sends a control, or keeps it until the connection is back.
   * @param {Record<string, any>} message
   * @returns {Ack}
   */
  control(message) {
    checks.message(message, 'message');
    const live = this.state === 'live';
    const joined = !live && message.type === 'track.move' ? this.#acks.join(message) : null;
    if (joined) return joined;
    const full = /** @type {Record<string, any> & {id: number}} */ ({ ...message, id: this.#nextId() });
    const ack = this.#acks.add(full);
    if (this.state === 'closed') this.#acks.refused(ack.id, this.#failure ?? new StreamError({ message: 'the stream has ended' }));
    else if (live && this.#link.send(full)) this.#acks.markSent(full.id);
    return ack;
  }

  /**
   * Sends what has an answer of its own, and waits for that.
   * @protected
   * @param {Record<string, any>} message
   * @returns {Promise<any>}
   */
  request(message) {
    return new Promise((resolve, reject) => {
      const id = this.#nextId();
      if (this.state !== 'live' || !this.#link.send({ ...message, id })) {
        reject(new StreamError({ message: 'There is no connection to the server just now.', code: 'not_connected', retryable: true }));
        return;
      }
      this.#replies.set(id, { resolve, reject });
    });
  }

  /** Sends what nobody answers, and what is of no use later. @protected @param {Record<string, any> | ArrayBuffer} message */
  tell(message) {
    if (this.state !== 'live' || this.#watch) return;
    if (message instanceof ArrayBuffer) this.#link.sendBinary(message);
    else this.#link.send(message);
  }

  #nextId() {
    return (this.#lastId += 1);
  }

  #greet() {
    if (this.#watch) return;
    const token = this.ready?.resume_token ?? this.#settings.resume;
    const resume = token && { resume: token, last_frame: this.lastFrame, codecs: this.#settings.codecs };
    this.#link.send({ type: 'session.start', ...(resume || this.#settings) });
  }

  /** @param {string} text */
  #hear(text) {
    if (this.state === 'closed') return;
    const message = read(text);
    if (!message) {
      this.emit('error', { code: 'bad_message', message: 'the server sent a message that is no JSON object' });
      return;
    }
    const awaited = this.#replies.has(message.id);
    const handler = this.#handlers[message.type];
    if (handler) handler(message);
    this.#replies.get(message.id)?.resolve(message);
    this.#replies.delete(message.id);
    this.emit(message.type, message.type === 'error' ? { ...message, awaited } : message);
  }

  /** @type {Record<string, (message: any) => void>} */
  #handlers = {
    queue: () => this.#setState('queued'),
    'session.ready': (message) => this.#greeted(message),
    'control.queued': (message) => this.#acks.queued(message.id, message),
    'control.applied': (message) => this.#acks.applied(message.id, message),
    'session.paused': () => (this.paused = true),
    'session.resumed': () => (this.paused = false),
    'session.rewound': ({ chunk }) => (this.lastFrame = (chunk + 1) * (this.ready?.chunk_frames ?? 0) - 1),
    'session.restarted': () => (this.lastFrame = -1),
    'session.done': () => (this.#link.persistent = false),
    notice: (message) => {
      // one that a rewind took back is never shown
      if (message.code === 'control_discarded') this.#acks.refused(message.id, new StreamError(message));
    },
    pong: ({ sent_us }) => (this.roundTripMs = performance.now() - sent_us / 1000),
    error: (message) => this.#refused(message),
  };

  /** @param {Ready} ready */
  #greeted(ready) {
    this.ready = { ...ready, resume_token: ready.resume_token ?? this.ready?.resume_token };
    this.#failure = null;
    this.#link.persistent = true;
    this.#link.settled();
    if (!this.#opening) this.paused = false; // else session.paused comes next
    this.#setState('live');
    const known = ready.last_id ?? 0;
    this.#lastId = Math.max(this.#lastId, known);
    for (const message of this.#acks.unconfirmed()) {
      // What arrived before the connection was lost only misses its first answer; the rest has to go out again.
      if (message.id <= known) continue;
      this.#link.send(message);
      this.#acks.markSent(message.id);
    }
    this.#ping();
    if (this.#opening) this.#opening.resolve(this.ready);
    else this.emit('reconnected', this.ready);
    this.#opening = null;
  }

  /** @param {Failure} failure */
  #refused(failure) {
    const error = new StreamError(failure);
    if (this.state !== 'live') this.#failure = error;
    if (failure.id === undefined) {
      this.#trouble = error;
      return;
    }
    this.#acks.refused(failure.id, error);
    this.#replies.get(failure.id)?.reject(error);
    this.#replies.delete(failure.id);
  }

  /** @param {ArrayBuffer} buffer */
  #receive(buffer) {
    if (this.state === 'closed') return;
    try {
      const packet = parsePacket(buffer);
      this.lastFrame = packet.frame;
      this.#lastPts = packet.pts;
      this.emit('packet', Object.assign(packet, { buffer }));
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.emit('error', { code: 'bad_packet', message: error.message });
      this.askForKeyFrame();
    }
  }

  /**
   * Answers that were under way are lost with the connection; controls are kept and sent again.
   * @param {import('./link.js').Closed} closed
   */
  #lost(closed) {
    const error = new StreamError({ message: 'The connection was lost before the server answered.', code: 'not_connected', retryable: true });
    for (const { reject } of this.#replies.values()) reject(error);
    this.#replies.clear();
    this.#setState('reconnecting');
    this.emit('reconnecting', closed);
  }

  #ping() {
    if (!this.#watch) this.#link.send({ type: 'ping', sent_us: Math.round(performance.now() * 1000) });
  }

  /** @param {import('./link.js').Closed} closed */
  #end({ code, reason }) {
    if (this.state === 'closed') return;
    this.#setState('closed');
    const why = this.#trouble?.code === reason ? this.#trouble : null; // the server closes with the code of what it told
    const error = this.#failure ?? why ?? new StreamError({ message: reason || 'the connection ended', code: `closed_${code}` });
    this.#failure = error;
    this.#acks.failAll(error);
    for (const { reject } of this.#replies.values()) reject(error);
    this.#replies.clear();
    this.#opening?.reject(error);
    this.#opening = null;
    this.emit('closed', error);
  }

  /** @param {State} state */
  #setState(state) {
    if (this.state === state) return;
    this.state = state;
    this.emit('state', state);
  }
}

/** @param {string} text @returns {Record<string, any> | null} */
function read(text) {
  try {
    const message = JSON.parse(text);
    return typeof message === 'object' ? message : null;
  } catch {
    return null;
  }
}
