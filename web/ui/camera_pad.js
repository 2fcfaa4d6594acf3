/**
 * The camera's pad and sliders: they spring back, since what they set is a speed.
 * @module
 */
import { block, input } from './dom.js';

const PAN_SPEED = 0.8;
const ZOOM_SPEED = 1;
const ROLL_SPEED = 60;
const WHEEL_HOLD_MS = 180;

/** @param {import('../camera.js').CameraControl} camera */
export function bindCameraPad(camera) {
  const pad = block('camera-pad');
  const knob = block('camera-knob');
  /** @param {PointerEvent} event */
  const pull = (event) => {
    const { left, top, width, height } = pad.getBoundingClientRect();
    const bounded = (/** @type {number} */ value) => Math.min(1, Math.max(-1, value));
    camera.steer('pad', {
      pan: [
        bounded(((event.clientX - left) / width) * 2 - 1) * PAN_SPEED,
        bounded(((event.clientY - top) / height) * 2 - 1) * PAN_SPEED,
      ],
    });
  };
  pad.addEventListener('pointerdown', (event) => {
    pad.setPointerCapture(event.pointerId);
    pull(event);
  });
  pad.addEventListener('pointermove', (event) => pad.hasPointerCapture(event.pointerId) && pull(event));
  for (const end of ['pointerup', 'pointercancel']) pad.addEventListener(end, () => camera.steer('pad', {}));
  bindSlider('camera-zoom', (value) => camera.steer('zoom', { zoom: value * ZOOM_SPEED }));
  bindSlider('camera-roll', (value) => camera.steer('roll', { roll: value * ROLL_SPEED }));
  camera.on('motion', ({ pan }) => {
    knob.style.setProperty('--dx', `${(pan[0] / PAN_SPEED) * (pad.clientWidth / 2 - 12)}px`);
    knob.style.setProperty('--dy', `${(pan[1] / PAN_SPEED) * (pad.clientHeight / 2 - 12)}px`);
  });
}

/** @param {string} id @param {(value: number) => void} set from −1 to 1 */
function bindSlider(id, set) {
  const slider = input(id);
  slider.addEventListener('input', () => set(Number(slider.value) / 100));
  for (const end of ['pointerup', 'pointercancel', 'keyup', 'blur']) {
    slider.addEventListener(end, () => {
      slider.value = '0';
      set(0);
    });
  }
}

/**
 * The wheel over the stage zooms while it turns.
 * @param {HTMLElement} surface
 * @param {import('../camera.js').CameraControl} camera
 * @param {() => boolean} active
 */
export function bindWheel(surface, camera, active) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let rest;
  surface.addEventListener(
    'wheel',
    (event) => {
      if (!active()) return;
      event.preventDefault();
      camera.steer('wheel', { zoom: -Math.sign(event.deltaY) * ZOOM_SPEED });
      clearTimeout(rest);
      rest = setTimeout(() => camera.steer('wheel', {}), WHEEL_HOLD_MS);
    },
    { passive: false },
  );
}

/** Keys that steer while they are down. @type {Record<string, import('../camera.js').Motion>} */
export const CAMERA_KEYS = {
  ArrowLeft: { pan: [-0.4, 0], zoom: 0, roll: 0 },
  ArrowRight: { pan: [0.4, 0], zoom: 0, roll: 0 },
  ArrowUp: { pan: [0, -0.4], zoom: 0, roll: 0 },
  ArrowDown: { pan: [0, 0.4], zoom: 0, roll: 0 },
  '+': { pan: [0, 0], zoom: 0.6, roll: 0 },
  '=': { pan: [0, 0], zoom: 0.6, roll: 0 },
  '-': { pan: [0, 0], zoom: -0.6, roll: 0 },
  '[': { pan: [0, 0], zoom: 0, roll: -40 },
  ']': { pan: [0, 0], zoom: 0, roll: 40 },
};
