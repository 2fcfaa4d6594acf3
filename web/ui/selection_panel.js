/**
 * The selection on the page: its shape follows the stream's, it ends with the stream, and the hand sees what lies under it.
 * @module
 */
import { block, button } from './dom.js';
import { toast } from './toasts.js';

/**
 * @param {import('../selection.js').Selection} selection
 * @param {import('../app.js').App} app
 */
export function bindSelection(selection, app) {
  const clear = button('select-clear');
  clear.addEventListener('click', () => selection.clear());
  selection.on('changed', () => (clear.disabled = selection.empty));
  selection.on('nothing', () => toast('Nothing was found there', { text: 'Draw a line around it instead, or paint over it.' }));
  selection.on('unselected', () => toast('Nothing is selected yet', { text: 'Hold Shift and click a thing, then Alt and click what should stay.' }));
  app.on('ready', ({ width, height }) => selection.shape(width / height));
  for (const event of /** @type {const} */ (['starting', 'ended', 'failed', 'cut'])) app.on(event, () => selection.clear());
  app.camera.on('control', () => selection.clear()); // the picture moves on under it
  const stage = block('stage');
  const showOver = () => (stage.dataset.over = app.prober.outline ? 'thing' : '');
  stage.addEventListener('pointermove', showOver);
  app.prober.on('found', showOver);
}
