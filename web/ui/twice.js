/**
 * What cannot be taken back is asked for twice: the first time a message says what is lost, and has a button for it too.
 * @module
 */
import { toast } from './toasts.js';

const ASKED_MS = 6000;

/**
 * @param {{title: string, text: string, label: string}} words
 * @param {() => void} run
 * @returns {{ask: () => void, forget: () => void}} `ask` runs it when it comes a second time before the message is gone
 */
export function twice({ title, text, label }, run) {
  /** @type {(() => void) | null} */
  let takeAway = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const forget = () => {
    clearTimeout(timer);
    takeAway?.();
    takeAway = null;
  };
  const confirm = () => {
    forget();
    run();
  };
  const ask = () => {
    if (takeAway) {
      confirm();
      return;
    }
    takeAway = toast(title, { text, action: { label, run: confirm } });
    timer = setTimeout(forget, ASKED_MS);
  };
  return { ask, forget };
}
