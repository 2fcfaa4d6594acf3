/**
 * What was done and can be taken back, and what was taken back and can be done again: one after the other, the newest
 * first. Whoever does something new cannot do again what was taken back before.
 * @module
 */
import { Emitter } from './emitter.js';

const KEPT = 100;

/**
 * @typedef {object} Deed
 * @property {import('./tracks.js').Stroke[]} strokes what it is about
 * @property {() => Promise<string>} undo takes it back; gives what is said of that. One that fails has changed nothing.
 * @property {() => Promise<string>} redo does it again; gives what is said of that
 */

/** @extends {Emitter<{changed: null}>} */
export class History extends Emitter {
  /** @type {Deed[]} */
  #done = [];
  /** @type {Deed[]} */
  #undone = [];
  /** The one that is being taken back. @type {Deed | null} */
  #leaving = null;
  /** They are taken back in turn: what one needs of the server the next one counts on. @type {Promise<unknown>} */
  #turn = Promise.resolve();

  get undoable() {
    return this.#done.length > 0;
  }

  get redoable() {
    return this.#undone.length > 0;
  }

  /** @param {Deed} deed */
  did(deed) {
    this.#done.push(deed);
    if (this.#done.length > KEPT) this.#done.shift();
    this.#undone = [];
    this.emit('changed', null);
  }

  /** Takes the newest deed back. Gives what is said of it, null where there is none; rejects where it could not be. @returns {Promise<string | null>} */
  undo() {
    return this.#inTurn(async () => {
      const deed = this.#done.at(-1);
      if (!deed) return null;
      this.#leaving = deed;
      const said = await deed.undo().finally(() => (this.#leaving = null));
      const newest = this.#done.at(-1) === deed;
      this.#done = this.#done.filter((each) => each !== deed);
      if (newest) this.#undone.push(deed);
      this.emit('changed', null);
      return said;
    });
  }

  /** Does again what was taken back last. Gives what is said of it, null where there is nothing. @returns {Promise<string | null>} */
  redo() {
    return this.#inTurn(async () => {
      const deed = this.#undone.at(-1);
      if (!deed) return null;
      const said = await deed.redo();
      if (this.#undone.at(-1) !== deed) return null; // the stream is gone, or the hand went on
      this.#undone.pop();
      this.#done.push(deed);
      this.emit('changed', null);
      return said;
    });
  }

  /** Forgets what was done to strokes that are no more. @param {(stroke: import('./tracks.js').Stroke) => boolean} there */
  keep(there) {
    for (const deed of this.#done) if (deed !== this.#leaving) deed.strokes = deed.strokes.filter(there);
    this.#done = this.#done.filter(({ strokes }) => strokes.length > 0);
    this.emit('changed', null);
  }

  forget() {
    this.#done = [];
    this.#undone = [];
    this.emit('changed', null);
  }

  /** @template T @param {() => Promise<T>} step @returns {Promise<T>} */
  #inTurn(step) {
    const taken = this.#turn.then(step);
    this.#turn = taken.catch(() => {}); // whoever asked hears of it
    return taken;
  }
}
