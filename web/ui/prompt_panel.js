/**
 * What should be in the picture: the prompt line, its history, prompts that the model knows, and the blend of two.
 * @module
 */
import { isBlank } from '../protocol.js';
import { block, button, element, input, make, remember, remembered } from './dom.js';
import { toast } from './toasts.js';
import { promptsOf } from './words.js';

const HISTORY_MAX = 30;
/** Prompts that say what is to change, for a model that hears them. */
const EDITS = ['add a dog', 'turn around', 'make it night', 'make everything bigger'];
/** The same for a picture, of what it is of, whose name nobody may have said. */
const EDITS_OF_PICTURES = ['it jumps', 'it walks to the left', 'make it night', 'make it smaller', 'add a butterfly'];
/** What is known of prompts as long as they may be seen again, after a rewind. */
const DOUBTS_MAX = 100;

/**
 * @typedef {{text: string, title: string, image: string | null}} Example
 * @typedef {import('../protocol.js').Prompt} Prompt
 */

/**
 * Examples of a model in one form: it may give texts, or objects with more.
 * @param {any[]} examples
 * @returns {Example[]}
 */
export function examplesOf(examples) {
  return examples
    .map((each) => {
      if (typeof each === 'string') return { text: each, title: each, image: null };
      const text = String(each.prompt ?? each.text ?? '');
      return { text, title: String(each.title ?? text), image: each.image ?? null };
    })
    .filter(({ text }) => text !== '');
}

/**
 * What may be said next in a stream.
 * @param {import('../protocol.js').Ready} ready
 * @param {boolean} ofPicture whether it is known to have begun with a picture, as one without words has
 * @returns {Example[]}
 */
export function offersFor({ capabilities, prompts, examples }, ofPicture) {
  if (!capabilities.edits) return examplesOf(examples);
  return examplesOf(prompts?.length && !ofPicture ? [...EDITS, ...examples] : EDITS_OF_PICTURES);
}

/** @param {Prompt} prompt @param {Prompt[]} all @returns {number} its weight, of 100 */
const share = ({ weight }, all) => Math.round((100 * weight) / all.reduce((sum, each) => sum + each.weight, 0));

export class PromptPanel {
  #text = input('prompt');
  #second = input('prompt-b');
  #blend = input('blend');
  #transition = input('transition');
  #onApply;
  #secondsPerChunk = 0.25;
  #streaming = false;
  /** Whether the words are those of a stream or a card, and nothing was written since. */
  #used = false;
  #effective = '';
  /** @type {{text: string, words: string}[]} */
  #doubts = [];

  /** @param {(prompts: Prompt[], transition: import('../protocol.js').Transition | undefined) => void} onApply */
  constructor(onApply) {
    this.#onApply = onApply;
    element('prompt-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.prompts.length === 0) toast('There are no words yet', { text: 'Write what is to be seen, or pick a picture.' });
      this.apply();
    });
    for (const field of [this.#text, this.#second]) field.addEventListener('input', () => (this.#used = false));
    for (const field of [this.#blend, this.#second]) field.addEventListener('change', () => this.#streaming && this.apply());
    this.#transition.addEventListener('input', () => this.#showTransition());
    this.#showTransition();
    this.#showHistory();
  }

  /** The prompts as they stand; empty when nothing was written. @returns {Prompt[]} */
  get prompts() {
    const [first, second] = [this.#text, this.#second].map(({ value }) => (isBlank(value) ? '' : value.trim()));
    const share = Number(this.#blend.value) / 100;
    const both = [{ text: first, weight: 1 - share }, { text: second, weight: share }];
    if (!second) return first ? [{ text: first, weight: 1 }] : [];
    return both.filter(({ text, weight }) => text && weight > 0);
  }

  /** Puts words there that stand for a whole stream: nothing is blended with them. */
  set text(text) {
    this.#text.value = text;
    this.#second.value = '';
    this.#blend.value = '0';
    this.#blend.dispatchEvent(new Event('input')); // its figure is written next to it
    this.#used = true;
  }

  /** Forgets words that a stream was made from, or that a card put there: they say nothing of a new picture. */
  forgetUsed() {
    if (this.#used) this.text = '';
  }

  get text() {
    return this.#text.value;
  }

  focus() {
    this.#text.focus();
    this.#text.select();
  }

  /** Sends what is written. */
  apply() {
    const prompts = this.prompts;
    if (prompts.length === 0) {
      this.focus();
      return;
    }
    prompts.forEach(({ text }) => this.#addToHistory(text));
    this.#used = true;
    const chunks = Number(this.#transition.value);
    const method = /** @type {'linear' | 'slerp'} */ (element('transition-method', HTMLSelectElement).value);
    this.#onApply(prompts, chunks > 0 ? { chunks, method } : undefined);
  }

  /** @param {boolean} streaming @param {number} [secondsPerChunk] */
  streaming(streaming, secondsPerChunk = this.#secondsPerChunk) {
    this.#streaming = streaming;
    this.#secondsPerChunk = secondsPerChunk;
    button('prompt-go').textContent = streaming ? 'Change' : 'Start';
    this.#showTransition();
  }

  /** A stream begins, with the prompts as they stand. */
  begun() {
    this.#used = true;
    this.#doubts = [];
  }

  /** The stream that is there has these prompts: it may have been begun elsewhere, and nothing is written here. @param {Prompt[]} prompts */
  come(prompts) {
    this.stand(prompts);
    const [first, second] = prompts;
    if (!first || this.prompts.length > 0) return;
    this.text = first.text;
    if (prompts.length === 2) this.#second.value = second.text;
    this.#blend.value = String(prompts.length === 2 ? share(second, prompts) : 0);
    this.#blend.dispatchEvent(new Event('input'));
  }

  /** The stream stands where these prompts hold, and no chunk comes that says so. @param {Prompt[]} prompts */
  stand(prompts) {
    const parts = prompts.map((each) => (prompts.length > 1 ? `${each.text} (${share(each, prompts)}%)` : each.text));
    this.effective(parts.join(' + '));
  }

  /** Something of a prompt is not shown. @param {string} text of the prompt @param {string} words that say what */
  doubt(text, words) {
    const others = this.#doubts.filter((doubt) => doubt.text !== text || doubt.words !== words);
    this.#doubts = [...others.slice(1 - DOUBTS_MAX), { text, words }];
    this.effective(this.#effective);
  }

  /** The prompt that the server makes the picture from, and what of it is not shown. @param {string} text */
  effective(text) {
    this.#effective = text;
    const prompts = promptsOf(text);
    const words = this.#doubts.filter((doubt) => prompts.includes(doubt.text)).map((doubt) => doubt.words);
    const doubts = [...new Set(words)].join('; ');
    for (const [id, shown] of [['effective', text], ['effective-doubt', doubts]]) {
      if (block(id).textContent !== shown) block(id).textContent = shown;
    }
    block('effective-line').title = [text, doubts].filter(Boolean).join('\n');
  }

  /** @param {Example[]} examples */
  chips(examples) {
    const chips = examples.map(({ text, title }) => {
      const chip = make('button', { type: 'button', textContent: title, title: text });
      chip.addEventListener('click', () => {
        this.text = text;
        this.apply();
      });
      return chip;
    });
    block('chips').replaceChildren(...chips);
  }

  #showTransition() {
    const seconds = Number(this.#transition.value) * this.#secondsPerChunk;
    block('transition-text').textContent = seconds === 0 ? 'at once' : `${seconds.toFixed(seconds < 2 ? 2 : 1)} s`;
  }

  /** @param {string} text */
  #addToHistory(text) {
    const history = [text, .../** @type {string[]} */ (remembered('prompts') ?? []).filter((each) => each !== text)];
    remember('prompts', history.slice(0, HISTORY_MAX));
    this.#showHistory();
  }

  #showHistory() {
    const history = /** @type {string[]} */ (remembered('prompts') ?? []);
    block('prompt-history').replaceChildren(...history.map((value) => make('option', { value })));
  }
}
