/**
 * One WebSocket that is opened again when it is lost. Knows nothing of what is said over it.
 * @module
 */
import { Emitter } from './emitter.js';
import { FINAL_CLOSE_CODES, SUBPROTOCOL } from './protocol.js';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 4000;
/** Silence after which a connection counts as lost; pongs come every PING_MS on one that lives. */
const SILENCE_MS = 12000;
const PING_MS = 2000;
/** A server that is still loading its model answers nothing before it has. */
const FIRST_ANSWER_MS = 120000;

/**
 * @typedef {{code: number, reason: string}} Closed
 * @extends {Emitter<{open: null, text: string, binary: ArrayBuffer, lost: Closed, closed: Closed, tick: null}>}
 */
export class Link extends Emitter {
  /** @type {WebSocket | null} */
  #socket = null;
  #delay = FIRST_DELAY_MS;
  #heard = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #beat;
  #ended = false;
  #deadline = Infinity;

  /**
   * @param {() => Promise<string> | string} address gives the URL, anew for each attempt (tokens expire)
   * @param {number} [giveUpMs] how long a lost connection is tried again; 0 for never
   */
  constructor(address, giveUpMs = 90000) {
    super();
    this.address = address;
    this.giveUpMs = giveUpMs;
  }

  /** Whether a lost connection is worth another attempt; set once there is something to come back to. */
  persistent = false;

  async open() {
    if (this.#ended) return;
    let socket;
    try {
      const address = await this.address();
      if (this.#ended) return;
      socket = new WebSocket(address, SUBPROTOCOL);
    } catch (error) {
      this.#closed({ code: 1006, reason: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    this.#heard = performance.now();
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#beat = setInterval(() => this.#check(socket), PING_MS);
      this.emit('open', null);
    };
    socket.onmessage = ({ data }) => {
      this.#heard = performance.now();
      if (typeof data === 'string') this.emit('text', data);
      else this.emit('binary', data);
    };
    socket.onclose = ({ code, reason }) => this.#detach(socket, { code, reason: reason || (opened ? '' : whyNot(socket.url)) });
  }

  /** The connection works: the next loss starts again with the shortest delay. */
  settled() {
    this.#delay = FIRST_DELAY_MS;
    this.#deadline = Infinity;
  }

  /** @param {object} message */
  send(message) {
    if (!this.connected) return false;
    this.#socket?.send(JSON.stringify(message));
    return true;
  }

  /** @param {ArrayBuffer} data */
  sendBinary(data) {
    if (this.connected) this.#socket?.send(data);
  }

  get connected() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Tries again now instead of when the delay is over. */
  hurry() {
    if (!this.#retry) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.open();
  }

  /** Gives this connection up for another one. */
  reopen() {
    const socket = this.#socket;
    if (!socket) return;
    socket.close(1000);
    this.#detach(socket, { code: 1006, reason: 'opened again' });
    this.hurry();
  }

  /** Ends the connection for good. */
  close() {
    this.#ended = true;
    clearTimeout(this.#retry);
    clearInterval(this.#beat);
    this.#socket?.close(1000);
  }

  /** @param {WebSocket} socket */
  #check(socket) {
    if (performance.now() - this.#heard < (this.persistent ? SILENCE_MS : FIRST_ANSWER_MS)) {
      this.emit('tick', null);
      return;
    }
    // close() would wait for an answer that cannot come: take the socket for lost at once.
    socket.close();
    this.#detach(socket, { code: 1006, reason: 'the server has been silent' });
  }

  /**
   * @param {WebSocket} socket
   * @param {Closed} closed
   */
  #detach(socket, closed) {
    if (socket !== this.#socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = null;
    clearInterval(this.#beat);
    this.#closed(closed);
  }

  /** @param {Closed} closed */
  #closed(closed) {
    const now = performance.now();
    if (this.#deadline === Infinity) this.#deadline = now + this.giveUpMs;
    const final = this.#ended || !this.persistent || FINAL_CLOSE_CODES.includes(closed.code);
    if (final || now > this.#deadline) {
      this.#ended = true;
      this.emit('closed', closed);
      return;
    }
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.open();
    }, this.#delay);
    this.#delay = Math.min(this.#delay * 2, LONGEST_DELAY_MS);
    this.emit('lost', closed);
  }
}

/** What may be wrong where no WebSocket opens, for browsers do not tell. @param {string} address */
function whyNot(address) {
  const { origin, host, pathname } = new URL(address.replace(/^ws/, 'http'));
  const own = globalThis.location?.origin;
  const page = own && own !== origin ? `, and does its FLOWBRUSH_ALLOWED_ORIGINS have ${own}` : '';
  return `no WebSocket opens at ${host}${pathname}: is a flowbrush server running there${page}?`;
}
