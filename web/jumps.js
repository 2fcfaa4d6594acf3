/**
 * The stream goes back, over the film strip or to its beginning, and is given prompts.
 * @module
 */
import { Emitter } from './emitter.js';

/**
 * @typedef {import('./stream.js').Stream} Stream
 * @typedef {import('./stream_error.js').StreamError} StreamError
 * @typedef {{list: import('./protocol.js').Prompt[], transition: import('./protocol.js').Transition | undefined}} Asked
 */

/** @extends {Emitter<{prompted: number, trouble: unknown}>} `prompted`: the chunk that will show a prompt first */
export class Jumps extends Emitter {
  /** How often a stream has jumped. */
  count = 0;

  /** A prompt for the stream. @param {Stream} stream @param {Asked} asked */
  ask(stream, asked) {
    const ack = stream.setPrompt(asked.list, { transition: asked.transition });
    ack.queued.then(
      ({ chunk }) => this.emit('prompted', chunk),
      (error) => this.emit('trouble', error),
    );
    return ack;
  }

  /** @param {Stream} stream @param {number} chunk to the end of which it goes, −1 for the very beginning @returns {Promise<unknown>} */
  to(stream, chunk) {
    const { count } = this;
    const lags = (/** @type {StreamError} */ error) => error.code === 'rewind_out_of_range' && count !== this.count;
    // What was chosen while another jump was under way may be gone with it: the film strip shows that.
    return chunk < 0 ? stream.reset() : stream.rewind(chunk).catch((error) => (lags(error) ? null : Promise.reject(error)));
  }
}
