/**
 * The ways back and there again: their buttons, and what is said of them to those who do not see it.
 * @module
 */
import { steered } from '../deeds.js';
import { LATER } from '../history.js';
import { button } from './dom.js';
import { say } from './speech.js';
import { toast, toastError } from './toasts.js';

/**
 * @param {import('../app.js').App} app
 * @param {() => void} letGo ends what a hand is at, so that it is the newest thing that it did
 */
export function bindHistory({ brush, camera }, letGo) {
  const { history } = brush;
  let beside = false;
  camera.on('leaves', () => (beside = history.underWay));
  camera.on('moved', (move) => brush.session?.goBack && history.did(steered(brush, move), beside));
  /** @param {'undo' | 'redo'} way */
  const go = async (way) => {
    letGo();
    try {
      const said = await history[way]();
      if (said === LATER) toast(said, { text: brush.session?.stream.paused ? 'Press Play, or make chunks.' : '' });
      else if (said) say(said); // the picture shows it
    } catch (error) {
      toastError(error);
    }
  };
  const ways = {
    undo: () => go('undo'),
    redo: () => go('redo'),
    clear: () => {
      letGo();
      if (brush.clear() === 0) return;
      const takeAway = toast('Every pin and path was removed', { action: { label: 'Undo', run: ways.undo } });
      const stop = history.on('changed', () => {
        stop();
        takeAway();
      });
    },
  };
  history.on('later', say);
  history.on('failed', toastError);
  history.on('changed', () => {
    const at = document.activeElement;
    button('undo').disabled = !history.undoable;
    button('redo').disabled = !history.redoable;
    // A button that has no more to do loses the keyboard: the other one has something.
    if (at === button('undo') && !history.undoable) button('redo').focus();
    if (at === button('redo') && !history.redoable) button('undo').focus();
  });
  for (const id of /** @type {const} */ (['undo', 'redo', 'clear'])) button(id).addEventListener('click', ways[id]);
  return ways;
}
