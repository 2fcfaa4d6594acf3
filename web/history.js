/**
 * What was done and can be taken back, and what was taken back and can be done again: one after the other, the newest
 * first. Whoever does something new cannot do again what was taken back before. What comes again waits until what came again before
 * it is over, as it was when it was done: while a stream is paused, all of it would begin at once.
 * @module
 */
import { Emitter } from './emitter.js';

const KEPT = 100;
/** Said of what is done again later. */
export const LATER = 'It follows when what comes before it is done';

/** @typedef {import('./tracks.js').Stroke | import('./camera_move.js').CameraMove | import('./asked_prompt.js').AskedPrompt} Painted what hands do */

/**
 * @template {Painted} [T=Painted]
 * @typedef {object} Deed
 * @property {T[]} strokes what it is about
 * @property {() => Promise<string>} undo takes it back; gives what is said of that. One that fails has changed nothing.
 * @property {() => Promise<string>} redo does it again; gives what is said of that
 * @property {boolean} [meanwhile] whether it began while the one before it was under way
 */

/** @extends {Emitter<{changed: null, later: string, failed: unknown}>} `later`: what is said of what was done again in its turn, `failed`: or could not be */
export class History extends Emitter {
  /** @type {Deed[]} */
  #done = [];
  /** @type {Deed[]} */
  #undone = [];
  /** The one that is being taken back. @type {Deed | null} */
  #leaving = null;
  /** How many of those that were taken back are to be done again when what comes before them is over. */
  #later = 0;
  /** They are taken back in turn: what one needs of the server the next one counts on. @type {Promise<unknown>} */
  #turn = Promise.resolve();

  get undoable() {
    return this.#done.length > 0 || this.#later > 0;
  }

  get redoable() {
    return this.#undone.length > this.#later;
  }

  /** What all that was done is about, in the order in which it was done. */
  get strokes() {
    return [...new Set(this.#done.flatMap(({ strokes }) => strokes))];
  }

  /** @param {Deed} deed @param {boolean} meanwhile whether it began while the one before it was under way */
  did(deed, meanwhile = this.underWay) {
    deed.meanwhile = meanwhile;
    this.#done.push(deed);
    if (this.#done.length > KEPT) this.#done.shift();
    this.#undone = [];
    this.#later = 0;
    this.emit('changed', null);
  }

  /** Takes the newest deed back. Gives what is said of it, null where there is none; rejects where it could not be. @returns {Promise<string | null>} */
  undo() {
    return this.#inTurn(async () => {
      if (this.#later > 0) return this.#waits(-1, 'It is not done again');
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
      const deed = this.#undone.at(-1 - this.#later);
      if (!deed) return null;
      return this.#later === 0 && this.#mayBegin(deed) ? this.#again(deed) : this.#waits(1, LATER);
    });
  }

  /** Time went on: what was to be done again later is, if what comes before it is over. */
  goOn() {
    if (!this.#due) return;
    const step = async () => {
      const deed = this.#due; // it may have been done meanwhile
      if (!deed) return;
      this.#later -= 1;
      const said = await this.#again(deed);
      if (said) this.emit('later', said);
    };
    this.#inTurn(step).catch((error) => this.emit('failed', error));
  }

  /** What was to be done again later and can be now. */
  get #due() {
    const deed = this.#later > 0 ? this.#undone.at(-1) : null;
    return deed && this.#mayBegin(deed) ? deed : null;
  }

  /** @param {Deed} deed that was taken back */
  #mayBegin(deed) {
    return deed.meanwhile || !this.underWay;
  }

  /** @param {Deed} deed the one that was taken back last */
  async #again(deed) {
    const said = await deed.redo();
    if (this.#undone.at(-1) !== deed) return null; // the stream is gone, or the hand went on
    this.#undone.pop();
    this.#done.push(deed);
    this.emit('changed', null);
    return said;
  }

  /** @param {1 | -1} more @param {string} said */
  #waits(more, said) {
    this.#later += more;
    this.emit('changed', null);
    return said;
  }

  /** Whether what was done last is not over yet. */
  get underWay() {
    return this.#done.at(-1)?.strokes.some(({ underWay }) => underWay) ?? false;
  }

  /** Forgets what was done to strokes that are no more. @param {(stroke: Painted) => boolean} there */
  keep(there) {
    if (!this.#leaving) this.#later = 0; // the stream went elsewhere
    for (const deed of this.#done) if (deed !== this.#leaving) deed.strokes = deed.strokes.filter(there);
    this.#done = this.#done.filter(({ strokes }) => strokes.length > 0);
    this.emit('changed', null);
  }

  forget() {
    this.#done = [];
    this.#undone = [];
    this.#later = 0;
    this.emit('changed', null);
  }

  /** @template T @param {() => Promise<T>} step @returns {Promise<T>} */
  #inTurn(step) {
    const taken = this.#turn.then(step);
    this.#turn = taken.catch(() => {}); // whoever asked hears of it
    return taken;
  }
}
