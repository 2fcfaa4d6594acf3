/**
 * The stream goes back to before something that was painted. What else was painted since then, as all that is painted while the stream
 * is paused, is not what was taken back: it is painted again there.
 * @module
 */

/** @typedef {import('./history.js').Painted} Painted */

export class WayBack {
  /** What stays though the stream goes back to before it. @type {Set<Painted>} */
  #stays = new Set();
  #again;

  /** @param {(stroke: Painted) => void} again paints a stroke once more */
  constructor(again) {
    this.#again = again;
  }

  /** Whether the stream is going back to take something back. */
  active = false;

  /** Whether a stroke is painted again. @param {Painted} stroke */
  keeps(stroke) {
    return this.#stays.has(stroke);
  }

  /**
   * @param {Painted[]} strokes to go back to before of
   * @param {Painted[]} painted all that was, in the order in which it was
   * @param {(chunk: number) => Promise<unknown>} goBack to the end of a chunk
   */
  async before(strokes, painted, goBack) {
    const others = painted.filter((stroke) => stroke.began && !stroke.left && stroke.phase !== 'draft' && !strokes.includes(stroke));
    const chunks = await begun(strokes);
    await begun(others); // until then it is not known where they began
    if (chunks.length === 0) return; // what was refused moved nothing
    const chunk = Math.min(...chunks) - 1;
    this.#stays = new Set(others);
    this.active = true;
    try {
      await goBack(chunk);
      others.filter((stroke) => !stroke.outlives(chunk)).forEach(this.#again);
    } finally {
      this.#stays = new Set();
      this.active = false;
    }
  }
}

/** The chunks that strokes began with. @param {Painted[]} strokes */
async function begun(strokes) {
  const told = await Promise.allSettled(strokes.map(({ began }) => began?.queued));
  return told.flatMap((each) => (each.status === 'fulfilled' && each.value ? [each.value.chunk] : []));
}
