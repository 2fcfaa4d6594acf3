/**
 * The session file that is being played on the page's stream, until it ends or the person takes over.
 * @module
 */

export class Replaying {
  /** @type {AbortController | null} */
  #run = null;

  /** Whether one is being played: the stream is paused, and steps on by itself. */
  get active() {
    return this.#run !== null;
  }

  /**
   * Plays a file on a stream that is being opened for it. Gives false when the person took over, or it did not open.
   * @param {Promise<import('./stream.js').Stream | null>} opened
   * @param {import('./replay.js').SessionFile} file
   */
  async play(opened, file) {
    const run = (this.#run = new AbortController());
    try {
      const { replay } = await import('./replay.js');
      const stream = await opened;
      if (!stream) return false;
      await replay(stream, file, run.signal);
    } finally {
      if (this.#run === run) this.#run = null;
    }
    return !run.signal.aborted;
  }

  /** The person takes over. */
  end() {
    this.#run?.abort();
    this.#run = null;
  }
}
