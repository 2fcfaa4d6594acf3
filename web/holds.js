/**
 * What strokes hold, as far as that is known: first what the page expects, then what the server says.
 * @module
 */
import { Emitter } from './emitter.js';
import { HeldOutline } from './held_outline.js';

/**
 * @typedef {import('./tracks.js').Stroke} Stroke
 * @typedef {import('./protocol.js').Region} Region
 */

/** @extends {Emitter<{found: {stroke: Stroke, something: boolean}}>} */
export class Holds extends Emitter {
  #strokes;
  #now;

  /**
   * @param {Set<Stroke>} strokes
   * @param {() => import('./held_outline.js').Now} now the frame on screen
   */
  constructor(strokes, now) {
    super();
    this.#strokes = strokes;
    this.#now = now;
  }

  /** What a hand will have taken, most likely; the server has the last word. @param {Stroke} stroke @param {{region: Region, label?: string}} thing */
  expect(stroke, { region, label = '' }) {
    stroke.name = label;
    if (stroke.phase === 'released') return;
    if (!stroke.told) this.#take(stroke, region);
    this.emit('found', { stroke, something: stroke.held !== null }); // it may have a name now
  }

  /** The server says what a hand has taken. @param {import('./protocol.js').Held} held */
  held({ track, region }) {
    for (const stroke of this.#strokes) {
      if (stroke.track?.number !== track || stroke.phase === 'released') continue;
      stroke.told = true;
      this.#take(stroke, region);
      this.emit('found', { stroke, something: region.length > 0 });
    }
  }

  /** The picture shows what a hand does, and the server has not said that it holds something: it holds nothing. @param {Stroke} stroke */
  untold(stroke) {
    stroke.told = true;
    this.loosen(stroke);
    this.emit('found', { stroke, something: false });
  }

  /** A stroke holds nothing any more. @param {Stroke} stroke */
  loosen(stroke) {
    const now = this.#now();
    stroke.lost = stroke.held && new HeldOutline(stroke.held.outline(now), stroke, stroke.at(now.id, now.pts));
    stroke.held?.leave(stroke, now);
    stroke.held = null;
  }

  /** @param {Stroke} stroke @param {Region} region as it stands in the picture now */
  #take(stroke, region) {
    this.loosen(stroke);
    if (region.length === 0) return;
    const now = this.#now();
    const shared = [...this.#strokes].find(({ held, phase }) => held && phase !== 'released' && held.is(region, now))?.held;
    if (shared) shared.join(stroke, region, now);
    stroke.held = shared ?? new HeldOutline(region, stroke, stroke.start);
  }
}
