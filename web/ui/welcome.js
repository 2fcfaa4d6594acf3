/**
 * The empty page: pictures to begin with, one click each.
 * @module
 */
import { block, make } from './dom.js';

/**
 * @typedef {import('./prompt_panel.js').Example} Example
 */

/** First frames of the gallery by prompt, made by the model itself. @returns {Promise<Record<string, string>>} */
export async function loadGallery() {
  const answer = await fetch('/web/gallery/index.json').catch(() => null);
  return answer?.ok ? answer.json() : {};
}

/**
 * Cards in a box, each with its picture where there is one.
 * @param {string} id of the box
 * @param {Example[]} examples
 * @param {(example: Example) => void} onPick
 */
export function showCards(id, examples, onPick) {
  const cards = examples.map((example) => {
    const card = make('button', { className: 'preset', type: 'button' });
    if (example.image) card.append(make('img', { src: example.image, alt: '', loading: 'lazy', decoding: 'async' }));
    card.append(make('span', { textContent: example.title }));
    card.addEventListener('click', () => onPick(example));
    return card;
  });
  block(id).replaceChildren(...cards);
}
