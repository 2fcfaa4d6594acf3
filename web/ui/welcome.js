/**
 * The empty page: photos and scenes to begin with, one click each, and where a photo of one's own goes.
 * @module
 */
import { block, isHere, make } from './dom.js';

const GALLERY = new URL('../gallery/', import.meta.url);
/** How each licence is called, and where its text is. @type {Record<string, [string, string]>} */
const LICENCES = {
  'CC0-1.0': ['CC0 1.0', 'https://creativecommons.org/publicdomain/zero/1.0/'],
  'public-domain': ['public domain', 'https://creativecommons.org/publicdomain/mark/1.0/'],
  'CC-BY-4.0': ['CC BY 4.0', 'https://creativecommons.org/licenses/by/4.0/'],
  'CC-BY-3.0': ['CC BY 3.0', 'https://creativecommons.org/licenses/by/3.0/'],
  'CC-BY-2.0': ['CC BY 2.0', 'https://creativecommons.org/licenses/by/2.0/'],
  'CC-BY-1.0': ['CC BY 1.0', 'https://creativecommons.org/licenses/by/1.0/'],
};

/**
 * @typedef {import('./prompt_panel.js').Example} Example
 * @typedef {{file: string, small: string, title: string, author: string, licence: string, source: string, changes?: string, subject: [number, number], invite: string}} Photo
 * @typedef {{title: string, text?: string, image: string | null, subject?: [number, number]}} Card `subject` is in the picture's sides
 */

/** Pictures of the scenes, by prompt. @returns {Promise<Record<string, string>>} their addresses */
export async function loadScenes() {
  const files = /** @type {Record<string, string>} */ ((await read('index.json')) ?? {});
  return Object.fromEntries(Object.entries(files).map(([text, file]) => [text, address(file)]));
}

/** @returns {Promise<Photo[]>} */
export async function loadPhotos() {
  return (await read('credits.json')) ?? [];
}

/** @param {string} file of the gallery */
export function address(file) {
  return new URL(file, GALLERY).href;
}

/** @param {string} file @returns {Promise<any>} null when there is none */
async function read(file) {
  const answer = await fetch(address(file)).catch(() => null);
  return answer?.ok ? answer.json().catch(() => null) : null;
}

/**
 * Cards in a box, each with its picture where there is one.
 * @template {Card} C
 * @param {string} id of the box
 * @param {C[]} cards
 * @param {(card: C) => void} onPick
 */
export function showCards(id, cards, onPick) {
  block(id).replaceChildren(
    ...cards.map((each) => {
      const card = make('button', { className: 'preset', type: 'button' });
      if (each.image) card.append(thumbnail(each.image, each.subject));
      const words = make('span', {}, [make('b', { textContent: each.title })]);
      if (each.text && each.text !== each.title) words.append(make('small', { textContent: each.text }));
      card.append(words);
      card.addEventListener('click', () => onPick(each));
      return card;
    }),
  );
}

/** A card shows a part of a picture: the one that it is about. @param {string} src @param {[number, number]} [subject] */
function thumbnail(src, subject = [0.5, 0.5]) {
  const image = make('img', { src, alt: '', loading: 'lazy', decoding: 'async' });
  image.style.objectPosition = subject.map((share) => `${100 * share}%`).join(' ');
  return image;
}

/** Who took the photos. @param {Photo[]} photos */
export function showCredits(photos) {
  block('photos').hidden = block('credits').hidden = photos.length === 0;
  block('credit-list').replaceChildren(
    ...photos.map(({ title, author, licence, source, changes }) => {
      const [name, terms] = LICENCES[licence] ?? [licence, ''];
      return make('li', {}, [link(source, title), ` by ${author}, `, link(terms, name), changes ? `, ${changes}` : '']);
    }),
  );
}

/** @param {string} href @param {string} text */
function link(href, text) {
  if (!/^https?:/.test(href)) return text;
  return make('a', { href, textContent: text, target: '_blank', rel: 'noopener noreferrer' });
}

/** Says where a photo goes: to this machine alone, or to another one. */
export function showPrivacy() {
  const text = isHere() ? 'Your photo stays on this machine.' : `Your photo goes to ${location.host}, where the model runs.`;
  for (const each of document.querySelectorAll('.privacy-text')) each.textContent = text;
}
