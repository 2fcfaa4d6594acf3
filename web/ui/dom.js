/**
 * Small helpers for the page's elements and what it remembers.
 * @module
 */

/**
 * The element with this id, of this class; a missing one is a fault of the page itself.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {{new (): T}} type
 * @returns {T}
 */
export function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} #${id}`);
  return found;
}

/** @param {string} id */
export const button = (id) => element(id, HTMLButtonElement);
/** @param {string} id */
export const input = (id) => element(id, HTMLInputElement);
/** @param {string} id */
export const block = (id) => element(id, HTMLElement);
/** @param {string} id */
export const dialog = (id) => element(id, HTMLDialogElement);

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} [properties]
 * @param {(Node | string)[]} [children]
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

/** Storage may be refused by the browser: what cannot be remembered is forgotten. @param {string} key */
export function remembered(key) {
  try {
    return JSON.parse(localStorage.getItem(`flowbrush.${key}`) ?? 'null');
  } catch {
    return null;
  }
}

/** @param {string} key @param {unknown} value */
export function remember(key, value) {
  try {
    localStorage.setItem(`flowbrush.${key}`, JSON.stringify(value));
  } catch {
    // A private window without storage works all the same.
  }
}

/**
 * Saves a blob under a name, as the browser's download does.
 * @param {Blob} blob
 * @param {string} name
 */
export function saveBlob(blob, name) {
  const href = URL.createObjectURL(blob);
  make('a', { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10000);
}

/** Whether the page comes from this machine, and to no other one. */
export function isHere() {
  const { hostname } = location;
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** @param {string} text e.g. `12.5` and `fps` give a figure with a small unit @param {string} unit */
export function figure(text, unit) {
  return [text, make('small', { textContent: unit })];
}
