/**
 * The keyboard: one table that both works and is shown with `?`.
 * @module
 */
import { block, dialog, make } from './dom.js';
import { CAMERA_KEYS } from './camera_pad.js';

/**
 * @typedef {{keys: string[], shown?: string, text: string, run: () => void}} Shortcut
 * @typedef {object} Held keys that act while they are down
 * @property {import('../painter.js').Painter} painter
 * @property {import('../camera.js').CameraControl} camera
 * @property {HTMLElement} stage
 * @property {() => boolean} cameraInHand
 */

/** @param {EventTarget | null} target */
function isWriting(target) {
  return target instanceof HTMLInputElement && !['checkbox', 'range'].includes(target.type);
}

/**
 * @param {Shortcut[]} shortcuts
 * @param {Held} held
 */
export function bindKeys(shortcuts, held) {
  const table = new Map(shortcuts.flatMap((shortcut) => shortcut.keys.map((key) => [key, shortcut])));
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && event.target instanceof HTMLElement && event.target.id === 'prompt') held.stage.focus(); // back from `/`
    if (isWriting(event.target) || event.target instanceof HTMLSelectElement || document.querySelector('dialog[open]')) return;
    if ((event.ctrlKey || event.metaKey) && !isEditing(event)) return;
    if (event.altKey || hold(event, held, true)) return; // Alt alone goes with the hand: it takes away from a selection
    const onControl = event.target instanceof HTMLElement && event.target.matches('button, summary, input, a');
    if (onControl && [' ', 'Enter'].includes(event.key)) return;
    const key = keyOf(event);
    const shortcut = (event.shiftKey && table.get(`Shift+${key}`)) || table.get(key);
    if (!shortcut || event.repeat) return;
    event.preventDefault();
    shortcut.run();
  });
  document.addEventListener('keyup', (event) => hold(event, held, false));
  const letGo = () => {
    held.camera.letGo();
    held.painter.releaseAll();
  };
  window.addEventListener('blur', letGo);
  document.addEventListener('visibilitychange', () => document.hidden && letGo());
  showKeys(shortcuts);
}

/** Whether it is a key for the way back or there again: these go with Ctrl, or Command, everywhere. Command and Y is the browser's. @param {KeyboardEvent} event */
function isEditing(event) {
  const key = keyOf(event);
  return key === 'z' || (key === 'y' && !event.metaKey);
}

/** Signs on the keys of a Latin keyboard. @type {Record<string, string>} */
const SIGNS = { Slash: '/', Period: '.', BracketLeft: '[', BracketRight: ']', Minus: '-', Equal: '=' };

/**
 * What a key means: its character, or on a layout of other letters the one that a Latin keyboard has there.
 * @param {KeyboardEvent} event
 */
export function keyOf({ key, code }) {
  if (key.length > 1) return key;
  if (key.charCodeAt(0) < 128) return key.toLowerCase();
  return SIGNS[code] ?? code.replace(/^(Key|Digit)/, '').toLowerCase();
}

/**
 * Arrows on the stage move the crosshair, or the camera when that is in hand; zoom and roll keys steer everywhere.
 * @param {KeyboardEvent} event
 * @param {Held} held
 * @param {boolean} down
 * @returns {boolean} whether the key was one of these
 */
function hold(event, { painter, camera, stage, cameraInHand }, down) {
  const key = keyOf(event);
  const { target } = event;
  const arrow = key.startsWith('Arrow');
  const onPad = target instanceof HTMLElement && target.id === 'camera-pad';
  const onStage = target === stage;
  if (arrow && onStage && !cameraInHand()) painter.arrow(key, down);
  else if (CAMERA_KEYS[key] && (!arrow || onPad || onStage)) {
    if (!(event.target instanceof HTMLInputElement) && !event.repeat) camera.steer(`key ${key}`, down ? CAMERA_KEYS[key] : {});
  } else return false;
  if (down) event.preventDefault();
  return true;
}

/** @param {Shortcut[]} shortcuts */
function showKeys(shortcuts) {
  const more = [
    { shown: ['← ↑ → ↓'], text: 'crosshair, or camera' },
    { shown: ['+', '−'], text: 'zoom' },
    { shown: ['[', ']'], text: 'roll' },
  ];
  const rows = [...shortcuts.map(({ keys, shown, text }) => ({ shown: [shown ?? (keys[0].length === 1 ? keys[0].toUpperCase() : keys[0])], text })), ...more];
  block('help-keys').replaceChildren(
    ...rows.map(({ shown, text }) =>
      make('div', {}, [make('span', { textContent: text }), make('span', {}, shown.map((key) => make('kbd', { textContent: key })))]),
    ),
  );
}

export function openHelp() {
  dialog('help').showModal();
}
