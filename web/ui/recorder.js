/**
 * Recording from here to there: the server keeps the whole stream anyway, so a recording is two marks in it.
 * @module
 */
import { block, button } from './dom.js';
import { toast, toastError } from './toasts.js';

/**
 * @typedef {object} RecorderActions
 * @property {() => string | null} session
 * @property {(session: string) => Promise<number>} mark the chunk that a recording can begin with
 * @property {(session: string, first: number, last: number) => Promise<void>} save
 */

export class Recorder {
  #actions;
  #button = button('record');
  /** The marks of the recording that runs. @type {{session: string, first: number} | null} */
  #running = null;
  #chunk = -1;
  #seconds = 0.25;
  #busy = false;

  /** @param {RecorderActions} actions */
  constructor(actions) {
    this.#actions = actions;
    this.#button.addEventListener('click', () => this.toggle());
  }

  /** @param {number} seconds of a chunk */
  start(seconds) {
    this.#seconds = seconds;
    this.#chunk = -1;
  }

  /** Begins a recording, or ends it and saves the video. */
  async toggle() {
    if (this.#busy) return;
    this.#busy = true;
    try {
      if (this.#running) await this.end();
      else await this.#begin();
    } catch (error) {
      toastError(error);
    }
    this.#busy = false;
  }

  /** @param {number} chunk on screen */
  shown(chunk) {
    this.#chunk = chunk;
    this.#show();
  }

  /** The stream went back to the end of `chunk`: what was recorded after it is no more. @param {number} chunk */
  cut(chunk) {
    this.#chunk = Math.min(this.#chunk, chunk);
    if (this.#running) this.#running.first = Math.min(this.#running.first, chunk + 1);
    this.#show();
  }

  /** Ends a recording that runs, as when the stream ends. */
  async end() {
    const running = this.#running;
    this.#running = null;
    this.#show();
    if (!running) return;
    if (this.#chunk < running.first) {
      toast('Nothing was recorded', { text: 'The stream made no picture between the two presses.' });
      return;
    }
    await this.#actions.save(running.session, running.first, this.#chunk);
  }

  async #begin() {
    const session = this.#actions.session();
    if (!session) return;
    this.#running = { session, first: await this.#actions.mark(session) };
    this.#show();
  }

  #show() {
    const running = this.#running;
    this.#button.setAttribute('aria-pressed', String(running !== null));
    const seconds = running ? Math.max(0, this.#chunk + 1 - running.first) * this.#seconds : 0;
    const clock = `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
    block('record-text').textContent = running ? `Stop ${clock}` : 'Record';
  }
}
