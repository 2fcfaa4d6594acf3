/**
 * What the keyboard's hand takes, said for those who do not see the outline.
 * @module
 */
import { block } from './dom.js';

/** @typedef {import('../tracks.js').Stroke} Stroke */

/** What the hand is about, of each kind of stroke. */
const TAKEN = {
  drag: (/** @type {string} */ name) => `You hold ${name}. The arrow keys move it, Enter lets go.`,
  pin: (/** @type {string} */ name) => `Pinned: ${name}.`,
  path: (/** @type {string} */ name) => `A path of ${name}. The arrow keys draw it, Enter ends it.`,
};

const NOTHING = 'There is nothing to take here.';

/** @param {import('../brush.js').Brush} brush */
export function bindSpeech(brush) {
  /** What was said of each. @type {WeakMap<Stroke, string>} */
  const told = new WeakMap();
  /** @param {Stroke} stroke @param {boolean} something */
  const found = (stroke, something) => {
    const text = something ? TAKEN[stroke.kind](named(stroke)) : NOTHING;
    if (!stroke.byKeys || stroke.phase === 'released' || told.get(stroke) === text) return;
    told.set(stroke, text);
    say(text);
  };
  brush.on('found', ({ stroke, something }) => found(stroke, something));
  brush.on('erased', ({ strokes, byKeys }) => byKeys && strokes.length > 0 && say(strokes.length > 1 ? `Let go of ${strokes.length} pins and paths.` : `Let go of the ${strokes[0].kind}.`));
  brush.on('released', (stroke) => stroke.byKeys && say((told.get(stroke) ?? NOTHING) === NOTHING ? 'Let go.' : `Let go of ${named(stroke)}.`));
}

/** @param {Stroke} stroke */
const named = ({ name }) => (name ? `the ${name}` : 'a part of the picture');

/** Says something to those who read the page by ear. @param {string} text */
export function say(text) {
  block('said').replaceChildren(text);
}
