/**
 * What to do with the picture, said over the stage: what there is to do first, and what a tool does where its panel is out of sight.
 * @module
 */
import { block } from './dom.js';

const INVITATION = 'Press on something and pull it along.';

let first = INVITATION;
/** Whether it tells of a tool, not of what to do first. */
let ofTool = false;

/** @param {string} [text] what to do first with the picture that was chosen */
export function invite(text) {
  ofTool = false;
  first = text || INVITATION;
  show(first);
}

/** @param {string} text */
function show(text) {
  block('hint-text').textContent = text;
  block('hint').hidden = false;
}

/** Nothing is told. */
export function clearHint() {
  ofTool = false;
  block('hint').hidden = true;
  block('hint-text').textContent = INVITATION; // it describes the stage, unseen too
}

/** Another tool is in hand. @param {string} name @param {string} text what it does */
export function tellOfTool(name, text) {
  if (document.body.dataset.mode !== 'playing') return;
  const hidden = block('hint').hidden;
  if (name === 'drag') {
    if (!hidden) invite(first);
    return;
  }
  const unseen = block('tool-title').getBoundingClientRect().top >= innerHeight;
  if (hidden && !unseen) return;
  ofTool = true;
  show(unseen && document.querySelector(`[data-for="${name}"]`) ? `${text} More of it is below.` : text);
}

/** A hand came down: whoever uses a tool knows what it does. */
export function toolUsed() {
  if (ofTool) clearHint();
}

/** A hand holds something. Gives whether it was invited to. */
export function painted() {
  const invited = !block('hint').hidden;
  clearHint();
  return invited;
}
