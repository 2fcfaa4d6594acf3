/**
 * What can still be done about a stream that is not on stage any more. A message says it; it goes, but a button in the Session panel stays
 * for as long as the offer holds.
 * @module
 */
import { KEPT_MS } from '../kept.js';
import { button } from './dom.js';
import { toast } from './toasts.js';

/** The newest offer holds. */
let withdrawn = () => {};

/**
 * @param {string} title
 * @param {{text: string, kind?: 'notice' | 'error', label: string, later?: string, run: () => void, lasts?: number}} offer `later`: what the button says
 *   away from the message; `lasts` in ms, where it ends by itself
 * @returns {() => void} withdraws it
 */
export function offer(title, { text, kind, label, later = label, run, lasts }) {
  withdrawn();
  const kept = button('offer');
  const take = () => {
    withdraw();
    run();
  };
  const takeAway = toast(title, { text, kind, action: { label, run: take }, kept: true });
  const timer = lasts === undefined ? undefined : setTimeout(() => withdraw(), lasts);
  let holds = true;
  const withdraw = () => {
    if (!holds) return;
    holds = false;
    clearTimeout(timer);
    takeAway();
    kept.hidden = true;
  };
  withdrawn = withdraw;
  kept.textContent = later;
  kept.onclick = take;
  kept.hidden = false;
  return withdraw;
}

/** Another stream takes the place of one that the server keeps for a while. @param {() => void} run */
export function offerWayBack(run) {
  const text = 'The one before is kept for a minute, here and under Session.';
  offer('Another stream begins', { text, label: 'Go back to it', later: 'Go back to the stream before', run, lasts: KEPT_MS });
}
