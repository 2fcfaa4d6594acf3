/**
 * The truth about the stream: latency, frames a second, buffer, and where the server's time goes.
 * @module
 */
import { block, figure, make } from './dom.js';

/** @typedef {import('../protocol.js').ChunkInfo} ChunkInfo */

const SMOOTHING = 0.2;
const STAGES = /** @type {const} */ (['queue_ms', 'generate_ms', 'decode_ms', 'encode_ms']);
const NAMES = { queue_ms: 'waiting', generate_ms: 'model', decode_ms: 'decoder', encode_ms: 'encoder' };

export class Readout {
  /** @type {Record<typeof STAGES[number], number> | null} */
  #stages = null;

  /**
   * @param {{latency: import('../latency.js').LatencyMeter, fps: number, waiting: number, rtt: number}} figures rtt in
   *   ms, waiting in seconds
   */
  show({ latency, fps, waiting, rtt }) {
    const [half, most] = [latency.percentile(0.5), latency.percentile(0.95)];
    const shown = block('figure-latency');
    shown.replaceChildren(...(half === null ? ['–'] : figure(half.toFixed(0), 'ms')));
    shown.title = most === null ? '' : `half of the last ${latency.count} controls were quicker; 95 of 100 within ${most.toFixed(0)} ms`;
    block('figure-fps').replaceChildren(fps.toFixed(1));
    block('figure-buffer').replaceChildren(...figure((waiting * 1000).toFixed(0), 'ms'));
    block('figure-rtt').replaceChildren(...(rtt > 0 ? figure(rtt < 10 ? rtt.toFixed(1) : rtt.toFixed(0), 'ms') : ['–']));
  }

  /** @param {ChunkInfo} chunk @param {number} chunkSeconds length of a chunk when played */
  chunk(chunk, chunkSeconds) {
    const before = this.#stages;
    const mixed = STAGES.map((stage) => [stage, before ? before[stage] + SMOOTHING * (chunk[stage] - before[stage]) : chunk[stage]]);
    const stages = /** @type {Record<typeof STAGES[number], number>} */ (Object.fromEntries(mixed));
    this.#stages = stages;
    const total = stages.generate_ms + stages.decode_ms + stages.encode_ms + stages.queue_ms;
    const scale = Math.max(total, chunkSeconds * 1000);
    block('stages').replaceChildren(
      ...STAGES.map((stage) => {
        const bar = make('i');
        bar.style.width = `${(100 * stages[stage]) / scale}%`;
        return bar;
      }),
    );
    const legend = make('span', { className: 'legend' }, STAGES.map((stage) => make('span', { textContent: `${NAMES[stage]} ${stages[stage].toFixed(0)} ms` })));
    block('stages-text').replaceChildren(legend, `${total.toFixed(0)} of ${(chunkSeconds * 1000).toFixed(0)} ms for a chunk`);
  }

  clear() {
    this.#stages = null;
    for (const id of ['latency', 'fps', 'buffer', 'rtt']) block(`figure-${id}`).replaceChildren('–');
    block('stages').replaceChildren();
    block('stages-text').replaceChildren('Server time for each chunk appears here.');
  }
}
