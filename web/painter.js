/**
 * Hand to samples: pointer events of mouse, pen and fingers, and a crosshair for the keyboard. Each pointer is one
 * gesture of the tool in hand; samples between two animation frames are collected and given to it together.
 * @module
 */

/**
 * @typedef {import('./brush.js').HandSample} HandSample
 * @typedef {object} Gesture
 * @property {(samples: HandSample[]) => void} move
 * @property {() => void} end the hand let go
 * @typedef {{begin: (sample: HandSample) => Gesture | null}} Tool
 * @typedef {{gesture: Gesture, waiting: HandSample[]}} Held
 */

const KEYBOARD_POINTER = -1;
const CROSSHAIR_SPEED = 0.45;
/** A hand that holds a pen rests on the screen: touches are not taken while the pen is down, nor for so long after. */
const PALM_MS = 600;

export class Painter {
  /** @type {Map<number, Held>} */
  #held = new Map();
  #frame = 0;
  /** Where the keyboard's crosshair is, in frame coordinates; null while the keyboard does not paint. @type {{x: number, y: number} | null} */
  crosshair = null;
  /** Where a mouse or pen hovers, in frame coordinates. @type {{x: number, y: number} | null} */
  hover = null;
  /** @type {Set<string>} */
  #arrows = new Set();
  #arrowAt = 0;
  /** Pointers by kind, of those that hold something. @type {Map<number, string>} */
  #kinds = new Map();
  #penUntil = -Infinity;

  /**
   * @param {HTMLElement} surface
   * @param {object} with_
   * @param {(place: {x: number, y: number} | null) => void} with_.onHover a mouse or pen is here; null when it is gone or presses
   * @param {() => Tool | null} with_.tool the tool in hand, null when nothing can be painted
   * @param {(clientX: number, clientY: number) => {x: number, y: number}} with_.toFrame
   */
  constructor(surface, { tool, toFrame, onHover }) {
    this.tool = tool;
    this.toFrame = toFrame;
    this.onHover = onHover;
    surface.addEventListener('pointerdown', (event) => this.#down(surface, event));
    surface.addEventListener('pointermove', (event) => this.#move(event));
    surface.addEventListener('pointerup', (event) => this.#up(event));
    surface.addEventListener('pointercancel', (event) => this.#up(event));
    surface.addEventListener('lostpointercapture', (event) => this.#finish(event.pointerId));
    surface.addEventListener('pointerleave', () => this.#hoverAt(null));
    surface.addEventListener('contextmenu', (event) => event.preventDefault());
  }

  /** Whether a hand holds something now. */
  get busy() {
    return this.#held.size > 0;
  }

  /** Lets go of everything, as when the tool changes. */
  releaseAll() {
    this.#arrows.clear();
    for (const id of [...this.#held.keys()]) this.#finish(id);
  }

  /** An arrow key went down or up. @param {string} key @param {boolean} down */
  arrow(key, down) {
    if (down) this.#arrows.add(key);
    else this.#arrows.delete(key);
    this.crosshair ??= { x: 0.5, y: 0.5 };
    if (this.#arrows.size > 0 && !this.#frame) this.#arrowAt = performance.now();
    this.#schedule();
  }

  /** Enter at the crosshair: press, or let go. Returns whether there was a crosshair. */
  pressCrosshair() {
    if (!this.crosshair) return false;
    if (this.#held.has(KEYBOARD_POINTER)) this.#finish(KEYBOARD_POINTER);
    else this.#start(KEYBOARD_POINTER, { ...this.crosshair, at: performance.now(), pressure: 0.5, byKeys: true });
    return true;
  }

  hideCrosshair() {
    this.#finish(KEYBOARD_POINTER);
    this.#arrows.clear();
    this.crosshair = null;
  }

  /** @param {HTMLElement} surface @param {PointerEvent} event */
  #down(surface, event) {
    if (event.button !== 0 || this.#isPalm(event)) return;
    this.hideCrosshair();
    if (!this.#start(event.pointerId, this.#sample(event))) return;
    this.#kinds.set(event.pointerId, event.pointerType);
    this.onHover(null);
    surface.setPointerCapture(event.pointerId);
    event.preventDefault();
    surface.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (event.pointerType !== 'touch') this.#hoverAt(this.toFrame(event.clientX, event.clientY));
    const held = this.#held.get(event.pointerId);
    if (!held) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length > 0 ? events : [event]) held.waiting.push(this.#sample(part));
    this.#schedule();
  }

  /** @param {PointerEvent} event */
  #up(event) {
    const held = this.#held.get(event.pointerId);
    if (!held) return;
    if (event.type === 'pointerup') held.waiting.push(this.#sample(event));
    this.#finish(event.pointerId);
  }

  /** @param {{x: number, y: number} | null} place */
  #hoverAt(place) {
    this.hover = place;
    this.onHover(this.busy ? null : place);
  }

  /** A pen that comes down ends the touches of the palm that came before it. @param {PointerEvent} event */
  #isPalm({ pointerType, timeStamp }) {
    if (pointerType === 'pen') {
      for (const [id, kind] of this.#kinds) if (kind === 'touch') this.#finish(id);
    }
    const pen = [...this.#kinds.values()].includes('pen') || timeStamp < this.#penUntil;
    return pointerType === 'touch' && pen;
  }

  /** @param {number} id @param {HandSample} sample */
  #start(id, sample) {
    const gesture = this.tool()?.begin(sample);
    if (!gesture) return false;
    this.#held.set(id, { gesture, waiting: [] });
    return true;
  }

  /** @param {number} id */
  #finish(id) {
    const held = this.#held.get(id);
    if (!held) return;
    this.#held.delete(id);
    if (this.#kinds.get(id) === 'pen') this.#penUntil = performance.now() + PALM_MS;
    this.#kinds.delete(id);
    if (held.waiting.length > 0) held.gesture.move(held.waiting);
    held.gesture.end();
  }

  #schedule() {
    this.#frame ||= requestAnimationFrame((now) => {
      this.#frame = 0;
      this.#moveCrosshair(now);
      for (const { gesture, waiting } of this.#held.values()) {
        if (waiting.length > 0) gesture.move(waiting.splice(0));
      }
      if (this.#arrows.size > 0) this.#schedule();
    });
  }

  /** @param {number} now */
  #moveCrosshair(now) {
    if (!this.crosshair || this.#arrows.size === 0) return;
    const step = (Math.min(50, Math.max(0, now - this.#arrowAt)) / 1000) * CROSSHAIR_SPEED;
    this.#arrowAt = now;
    const dx = Number(this.#arrows.has('ArrowRight')) - Number(this.#arrows.has('ArrowLeft'));
    const dy = Number(this.#arrows.has('ArrowDown')) - Number(this.#arrows.has('ArrowUp'));
    const bounded = (/** @type {number} */ value) => Math.min(1, Math.max(0, value));
    this.crosshair = { x: bounded(this.crosshair.x + dx * step), y: bounded(this.crosshair.y + dy * step) };
    this.#held.get(KEYBOARD_POINTER)?.waiting.push({ ...this.crosshair, at: performance.now(), pressure: 0.5 });
  }

  /** @param {PointerEvent} event @returns {HandSample} */
  #sample(event) {
    const { x, y } = this.toFrame(event.clientX, event.clientY);
    const pressure = event.pointerType === 'pen' ? event.pressure : 0.5;
    // timeStamp is on performance.now()'s clock; events made by scripts may carry 0.
    return { x, y, at: event.timeStamp || performance.now(), pressure, shift: event.shiftKey, alt: event.altKey };
  }
}
