/**
 * From the hand to the picture: the time between a pointer event and the first frame on screen that shows it. Pure.
 * @module
 */

const WAITING_MAX = 600;

export class LatencyMeter {
  /** @type {{id: number, at: number}[]} */
  #waiting = [];
  /** @type {number[]} */
  #samples = [];

  /** @param {number} [kept] newest samples that the figures are made of */
  constructor(kept = 60) {
    this.kept = kept;
  }

  /**
   * Control `id` was caused by an event at `at` (ms).
   * @param {number} id
   * @param {number} at
   */
  sent(id, at) {
    this.#waiting.push({ id, at });
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
  }

  /**
   * A frame that shows every control up to `id` was drawn at `at` (ms, same clock).
   * @param {number} id
   * @param {number} at
   */
  shown(id, at) {
    while (this.#waiting.length > 0 && this.#waiting[0].id <= id) {
      const first = /** @type {{id: number, at: number}} */ (this.#waiting.shift());
      this.#samples.push(at - first.at);
    }
    if (this.#samples.length > this.kept) this.#samples.splice(0, this.#samples.length - this.kept);
  }

  /** Controls on their way are forgotten: after a pause or a rewind their time says nothing. */
  forget() {
    this.#waiting = [];
  }

  /** @param {number} share 0.5 for the median @returns {number | null} ms, null before the first sample */
  percentile(share) {
    if (this.#samples.length === 0) return null;
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  get count() {
    return this.#samples.length;
  }
}
