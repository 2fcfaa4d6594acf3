/**
 * Messages in the corner: they go away by themselves, unless something went wrong or a hand is on them.
 * @module
 */
import { block, make } from './dom.js';
import { isSilent, wordsFor } from './words.js';

const NOTICE_MS = 6000;
const ERROR_MS = 12000;
const SHOWN_MAX = 4;

/**
 * @param {string} title
 * @param {{text?: string, kind?: 'notice' | 'error', action?: {label: string, run: () => void}, kept?: boolean}} [options] `kept`: whether
 *   the action is offered elsewhere, too
 * @returns {() => void} takes the message away, when it is true no longer
 */
export function toast(title, { text = '', kind = 'notice', action, kept = false } = {}) {
  const list = reachable(block('toasts'));
  const same = [...list.children].find((child) => child.getAttribute('data-text') === title + text);
  same?.remove();
  const shut = make('button', { className: 'toast-close', type: 'button', textContent: '×', ariaLabel: 'Close this message' });
  const box = make('div', { className: 'toast' }, [make('strong', { textContent: title }), shut]);
  box.dataset.kind = kind;
  box.dataset.text = title + text;
  if (text) box.append(make('p', { textContent: text }));
  if (action) {
    const act = make('button', { className: 'toast-action', type: 'button', textContent: action.label });
    act.addEventListener('click', () => {
      box.remove();
      action.run();
    });
    box.append(act);
  }
  shut.addEventListener('click', () => box.remove());
  list.append(box);
  while (list.children.length > SHOWN_MAX) list.firstElementChild?.remove();
  const leave = () => (box.matches(':hover, :focus-within') ? setTimeout(leave, 2000) : box.remove());
  setTimeout(leave, kind === 'error' || (action && !kept) ? ERROR_MS : NOTICE_MS); // what is to be done is to be read first
  return () => box.remove();
}

/** While a dialog is open nothing outside of it can be read or pressed: messages stand in it then. @param {HTMLElement} list */
function reachable(list) {
  const open = document.querySelector('dialog[open]');
  if (open && !open.contains(list)) {
    open.append(list);
    open.addEventListener('close', () => document.body.append(list), { once: true });
  }
  return list;
}

/** @param {unknown} error */
export function toastError(error) {
  const failure = /** @type {{code?: string, message: string}} */ (error instanceof Error ? error : { message: String(error) });
  if (failure.code && isSilent(failure.code)) return;
  const { title, text } = wordsFor(failure);
  toast(title, { text, kind: 'error' });
}
