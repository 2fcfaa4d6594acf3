/**
 * The box that the picture lies in: its shape, its size for the overlay, and where a pointer is in the frame.
 * @module
 */
import { block } from './dom.js';

export class Stage {
  surface = block('stage');
  #box = /** @type {HTMLElement} */ (document.querySelector('.stage-box'));
  aspect = 5 / 3;

  /** @param {(width: number, height: number) => void} onResize in CSS pixels */
  constructor(onResize) {
    new ResizeObserver(() => onResize(this.surface.clientWidth, this.surface.clientHeight)).observe(this.surface);
    // A phone that is turned lays the page out anew. (Its keyboard changes the window's size, too, and must not do this.)
    screen.orientation?.addEventListener('change', () => document.body.dataset.mode !== 'empty' && requestAnimationFrame(() => this.bringIntoView()));
  }

  /** @param {number} width @param {number} height of the stream */
  shape(width, height) {
    this.aspect = width / height;
    this.#box.style.setProperty('--aspect', `${width} / ${height}`);
    this.#box.style.setProperty('--ratio', String(this.aspect));
  }

  /** @param {number} clientX @param {number} clientY */
  toFrame(clientX, clientY) {
    const { left, top, width, height } = this.surface.getBoundingClientRect();
    return { x: (clientX - left) / width, y: (clientY - top) / height };
  }

  /** Scrolls the page, where it is longer than the window, so that the picture can be seen and reached. */
  bringIntoView(block = /** @type {ScrollLogicalPosition} */ ('nearest')) {
    this.#box.scrollIntoView({ block });
  }

  async toggleFullscreen() {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await document.documentElement.requestFullscreen?.();
  }
}
