/**
 * What cannot be taken back is asked for twice: the first time the page asks whether it is meant.
 * @module
 */
import { say } from './speech.js';
import { toast } from './toasts.js';

const ASKED_MS = 6000;

/**
 * @param {(confirm: () => void) => () => void} question asks; gives what takes the question away
 * @param {() => void} run
 * @returns {{ask: (click?: MouseEvent) => void, forget: () => void}} `ask` runs it when it comes a second time before the question is
 *   gone; the second click of a double-click is none, for the question was not read by then
 */
export function twice(question, run) {
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
  const ask = (/** @type {MouseEvent | undefined} */ click) => {
    if (takeAway) {
      if (!click || click.detail < 2) confirm();
      return;
    }
    takeAway = question(confirm);
    timer = setTimeout(forget, ASKED_MS);
  };
  return { ask, forget };
}

/** Asks in a message, which has a button as well. @param {{title: string, text: string, label: string}} words */
export function inMessage({ title, text, label }) {
  return (/** @type {() => void} */ confirm) => toast(title, { text, action: { label, run: confirm } });
}

/** Asks on the button itself: a message would lie over it. @param {HTMLButtonElement} button @param {string} question @param {string} text what is said of it besides */
export function onButton(button, question, text) {
  return () => {
    const before = button.textContent;
    button.textContent = question;
    say(`${question}. ${text}`);
    return () => (button.textContent = before);
  };
}
