/**
 * The two answers to each control: accepted, and shown. Keeps what the server has not confirmed, for a resume.
 * @module
 */
import { MAX_POINTS } from './protocol.js';

/**
 * @typedef {{chunk: number}} Queued
 * @typedef {{chunk: number, frame: number}} Applied
 * @typedef {object} Ack
 * @property {number} id
 * @property {Promise<Queued>} queued resolves when the server has accepted the control
 * @property {Promise<Applied>} applied resolves when a frame shows it; rejects when the stream goes back before
 *
 * @typedef {{resolve: (value: any) => void, reject: (reason: unknown) => void, promise: Promise<any>}} Deferred
 * @typedef {{message: Record<string, any>, sent: boolean, queued: Deferred, applied: Deferred, accepted: boolean}} Entry
 */

/** @returns {Deferred} */
function deferred() {
  /** @type {any} */
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  // Who does not wait for an answer must not get an unhandled rejection for it.
  parts.promise.catch(() => {});
  return parts;
}

export class Acks {
  /** @type {Map<number, Entry>} */
  #entries = new Map();

  /**
   * Registers a control under its id.
   * @param {Record<string, any> & {id: number}} message
   * @returns {Ack}
   */
  add(message) {
    const entry = { message, sent: false, queued: deferred(), applied: deferred(), accepted: false };
    this.#entries.set(message.id, entry);
    return { id: message.id, queued: entry.queued.promise, applied: entry.applied.promise };
  }

  /** @param {number} id */
  markSent(id) {
    const entry = this.#entries.get(id);
    if (entry) entry.sent = true;
  }

  /**
   * Adds the points of a move to the newest one of its track that could not be sent, as long as one message takes them.
   * @param {Record<string, any>} move
   * @returns {Ack | null} of the move that carries them now; null when there is none
   */
  join({ track, points }) {
    const mine = [...this.#entries.values()].filter(({ message }) => message.track === track);
    const newest = mine.at(-1);
    if (!newest || newest.sent || newest.message.type !== 'track.move') return null;
    if (newest.message.points.length + points.length > MAX_POINTS) return null;
    newest.message.points.push(...points);
    return { id: newest.message.id, queued: newest.queued.promise, applied: newest.applied.promise };
  }

  /**
   * @param {number} id
   * @param {Queued} answer
   */
  queued(id, answer) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.accepted = true;
    entry.queued.resolve(answer);
  }

  /**
   * @param {number} id
   * @param {Applied} answer
   */
  applied(id, answer) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.queued.resolve({ chunk: answer.chunk });
    entry.applied.resolve(answer);
    this.#entries.delete(id);
  }

  /**
   * @param {number} id
   * @param {Error} reason
   */
  refused(id, reason) {
    const entry = this.#entries.get(id);
    if (!entry) return;
    entry.queued.reject(reason);
    entry.applied.reject(reason);
    this.#entries.delete(id);
  }

  /** Controls that the server has not confirmed, in the order of their ids. */
  unconfirmed() {
    return [...this.#entries.values()].filter((entry) => !entry.accepted).map((entry) => entry.message);
  }

  /** @param {Error} reason */
  failAll(reason) {
    for (const id of [...this.#entries.keys()]) this.refused(id, reason);
  }
}
