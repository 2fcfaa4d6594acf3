/**
 * The film strip: a small picture of each chunk, marks where something was asked for, and a slider over it that goes
 * back in time. The slider is a real range input, so that keys and screen readers work it.
 * @module
 */
import { block, element, input } from './dom.js';

/** Chunks that the strip is long at least, and pictures kept at most. */
const SPAN_MIN = 40;
const KEPT_MAX = 240;
const KEY_COMMIT_MS = 700;
const MARK_COLOURS = { drag: '#3fe08a', pin: '#ff6b74', path: '#53b1ff', prompt: '#f4f6f8', camera: '#c9a7ff' };

/** @typedef {keyof typeof MARK_COLOURS} MarkKind */

export class Timeline {
  #film = element('film', HTMLCanvasElement);
  #slider = input('scrub');
  #bubble = block('scrub-bubble');
  /** @type {Map<number, ImageBitmap>} */
  #thumbs = new Map();
  /** @type {{chunk: number, kind: MarkKind}[]} */
  #marks = [];
  #current = -1;
  #span = KEPT_MAX;
  #seconds = 0.25;
  #scrubbing = false;
  #byKey = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #commitTimer;
  #frame = 0;
  #onPick;
  /** What letting go of the slider does, in words. */
  does = 'continue from here';

  /** @param {(chunk: number) => void} onPick a chunk to go back to the end of was chosen */
  constructor(onPick) {
    this.#onPick = onPick;
    const slider = this.#slider;
    slider.addEventListener('pointerdown', () => (this.#byKey = false));
    slider.addEventListener('keydown', () => (this.#byKey = true));
    slider.addEventListener('input', () => this.#scrub());
    slider.addEventListener('change', () => this.#chosen());
    slider.addEventListener('blur', () => this.#cancel());
    slider.addEventListener('pointermove', (event) => this.#hover(event));
    slider.addEventListener('pointerleave', () => !this.#scrubbing && (this.#bubble.hidden = true));
    new ResizeObserver(() => this.#fit()).observe(this.#film);
  }

  /** @param {{seconds: number, span: number, able: boolean}} stream seconds of a chunk, chunks that can be gone back */
  start({ seconds, span, able }) {
    this.clear();
    this.#seconds = seconds;
    this.#span = Math.max(1, Math.min(KEPT_MAX, span));
    this.#slider.disabled = !able;
  }

  clear() {
    for (const bitmap of this.#thumbs.values()) bitmap.close();
    this.#thumbs.clear();
    this.#marks = [];
    this.#current = -1;
    this.#slider.disabled = true;
    this.#bubble.hidden = true;
    this.#draw();
  }

  /** @param {number} chunk @param {ImageBitmap} bitmap */
  picture(chunk, bitmap) {
    this.#thumbs.get(chunk)?.close();
    this.#thumbs.set(chunk, bitmap);
    this.#thumbs.get(chunk - KEPT_MAX)?.close();
    this.#thumbs.delete(chunk - KEPT_MAX);
    this.#draw();
  }

  /** The picture of a chunk, while it is kept. @param {number} chunk */
  pictureOf(chunk) {
    return this.#thumbs.get(chunk);
  }

  /** @param {number} chunk on screen */
  at(chunk) {
    if (chunk === this.#current) return;
    this.#current = chunk;
    if (!this.#scrubbing) {
      this.#slider.min = String(this.#first);
      this.#slider.max = String(chunk);
      this.#slider.value = String(chunk);
      this.#slider.setAttribute('aria-valuetext', `chunk ${chunk}, ${(chunk * this.#seconds).toFixed(1)} seconds`);
    }
    this.#draw();
  }

  /** Something was asked for that chunk `chunk` shows first. @param {number} chunk @param {MarkKind} kind */
  mark(chunk, kind) {
    this.#marks.push({ chunk, kind });
    if (this.#marks.length > 500) this.#marks.shift();
    this.#draw();
  }

  /** The stream went back to the end of `chunk`: what came after is no more. @param {number} chunk */
  cut(chunk) {
    for (const [each, bitmap] of this.#thumbs) {
      if (each <= chunk) continue;
      bitmap.close();
      this.#thumbs.delete(each);
    }
    this.#marks = this.#marks.filter((mark) => mark.chunk <= chunk);
    this.#scrubbing = false;
    this.#bubble.hidden = true;
    this.at(Math.max(0, chunk));
  }

  get #first() {
    return Math.max(0, this.#current - this.#span + 1);
  }

  /** Chunks from the left edge of the strip to its right one. */
  get #length() {
    return Math.max(SPAN_MIN, this.#current - this.#first + 1);
  }

  #scrub() {
    this.#scrubbing = true;
    const chunk = Number(this.#slider.value);
    this.#slider.setAttribute('aria-valuetext', `back to chunk ${chunk}, ${((this.#current - chunk) * this.#seconds).toFixed(1)} seconds ago`);
    this.#showBubble(chunk, `let go to ${this.does}`);
    this.#draw();
  }

  /** A pointer that lets go has chosen; keys have when they rest. */
  #chosen() {
    clearTimeout(this.#commitTimer);
    const commit = () => {
      const chunk = Number(this.#slider.value);
      const back = this.#scrubbing && chunk < this.#current;
      this.#cancel();
      if (back) this.#onPick(chunk);
    };
    if (this.#byKey) this.#commitTimer = setTimeout(commit, KEY_COMMIT_MS);
    else commit();
  }

  #cancel() {
    clearTimeout(this.#commitTimer);
    this.#scrubbing = false;
    this.#bubble.hidden = true;
    this.#slider.value = String(this.#current);
    this.#draw();
  }

  /** @param {PointerEvent} event */
  #hover(event) {
    if (this.#scrubbing || this.#slider.disabled || this.#current < 1 || event.pointerType === 'touch') return;
    const { left, width } = this.#slider.getBoundingClientRect();
    const chunk = this.#first + Math.floor(((event.clientX - left) / width) * this.#length);
    if (chunk <= this.#current) this.#showBubble(chunk, `drag back to ${this.does}`);
    else this.#bubble.hidden = true;
  }

  /** @param {number} chunk @param {string} text */
  #showBubble(chunk, text) {
    const picture = element('scrub-picture', HTMLCanvasElement);
    const bitmap = this.#thumbs.get(chunk);
    if (bitmap) {
      picture.width = bitmap.width;
      picture.height = bitmap.height;
      picture.getContext('2d')?.drawImage(bitmap, 0, 0);
    }
    picture.hidden = !bitmap;
    block('scrub-text').textContent = `${((chunk - this.#current) * this.#seconds).toFixed(1)} s · ${text}`;
    this.#bubble.hidden = false;
    const width = this.#film.clientWidth;
    const half = this.#bubble.offsetWidth / 2;
    const x = ((chunk - this.#first + 0.5) / this.#length) * width;
    this.#bubble.style.left = `${Math.min(Math.max(x, half), Math.max(half, width - half))}px`;
  }

  #fit() {
    const ratio = window.devicePixelRatio || 1;
    this.#film.width = Math.max(1, Math.round(this.#film.clientWidth * ratio));
    this.#film.height = Math.max(1, Math.round(this.#film.clientHeight * ratio));
    this.#draw();
  }

  #draw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#paint();
    });
  }

  #paint() {
    const { width, height } = this.#film;
    const context = /** @type {CanvasRenderingContext2D} */ (this.#film.getContext('2d'));
    context.clearRect(0, 0, width, height);
    if (this.#current < 0) {
      this.#slider.style.width = ''; // of another film, it may stick out of the window
      return;
    }
    const ratio = window.devicePixelRatio || 1;
    const step = width / this.#length;
    const end = (this.#current - this.#first + 1) * step;
    // The slider ends where the film ends: dragging follows the pictures under the hand.
    this.#slider.style.width = `${end / ratio}px`;
    this.#paintPictures(context, step, end, height);
    for (const { chunk, kind } of this.#marks) {
      if (chunk < this.#first) continue;
      context.fillStyle = MARK_COLOURS[kind];
      context.fillRect((chunk - this.#first) * step, height - 4 * ratio, Math.max(2 * ratio, step - ratio), 4 * ratio);
    }
    const at = this.#scrubbing ? (Number(this.#slider.value) - this.#first + 1) * step : end;
    if (this.#scrubbing) {
      context.fillStyle = 'rgba(8, 10, 13, 0.6)';
      context.fillRect(at, 0, end - at, height);
    }
    context.fillStyle = '#ffffff';
    context.fillRect(at - 2 * ratio, 0, 2 * ratio, height);
  }

  /** Of the first chunk from `first` to before `end` that has one: a chunk whose last frame came too late has none. @param {number} first @param {number} end */
  #pictureFrom(first, end) {
    for (let chunk = first; chunk < end; chunk += 1) if (this.#thumbs.has(chunk)) return this.#thumbs.get(chunk);
    return undefined;
  }

  /**
   * Tiles the film with pictures of their own shape, each the chunk at its left edge.
   * @param {CanvasRenderingContext2D} context
   * @param {number} step width of a chunk
   * @param {number} end where the film ends
   * @param {number} height
   */
  #paintPictures(context, step, end, height) {
    const sample = this.#thumbs.values().next().value;
    if (!sample) return;
    const tile = (height * sample.width) / sample.height;
    for (let x = 0; x < end; x += tile) {
      const bitmap = this.#pictureFrom(this.#first + Math.floor(x / step), this.#first + Math.ceil(Math.min(x + tile, end) / step));
      const shown = Math.min(tile, end - x);
      if (bitmap) context.drawImage(bitmap, 0, 0, (bitmap.width * shown) / tile, bitmap.height, x, 0, shown, height);
    }
  }
}
