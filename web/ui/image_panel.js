/**
 * A start image from anywhere: a file, a drop, the clipboard, the camera, or the gallery.
 * @module
 */
import { block, button, dialog, element, input } from './dom.js';
import { toast, toastError } from './toasts.js';

const SIDE_MAX = 1280;

/** @param {(image: Blob) => void} onImage */
export function bindImages(onImage) {
  const file = input('image-file');
  button('image-open').addEventListener('click', () => dialog('image-dialog').showModal());
  button('image-choose').addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    if (file.files?.[0]) take(file.files[0], onImage);
    file.value = '';
  });
  document.addEventListener('paste', (event) => {
    const image = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
    if (image) take(image, onImage);
  });
  bindDrop(onImage);
  bindWebcam(onImage);
}

/**
 * Makes an upload of an image: not larger than any model needs, and upright.
 * @param {Blob} source
 * @param {(image: Blob) => void} onImage
 */
async function take(source, onImage) {
  dialog('image-dialog').close();
  try {
    const bitmap = await createImageBitmap(source, { imageOrientation: 'from-image' });
    const scale = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height));
    onImage(await encode(bitmap, Math.round(bitmap.width * scale), Math.round(bitmap.height * scale)));
  } catch {
    toast('That is no image that can be read', { text: 'PNG, JPEG and WebP work.', kind: 'error' });
  }
}

/** @param {CanvasImageSource} source @param {number} width @param {number} height @returns {Promise<Blob>} */
function encode(source, width, height) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  canvas.getContext('2d')?.drawImage(source, 0, 0, width, height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the image could not be encoded'))), 'image/jpeg', 0.95),
  );
}

/** @param {(image: Blob) => void} onImage */
function bindDrop(onImage) {
  const veil = block('drop');
  const wanted = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
  document.addEventListener('dragover', (event) => {
    if (!wanted(event)) return;
    event.preventDefault();
    veil.hidden = false;
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) veil.hidden = true;
  });
  document.addEventListener('drop', (event) => {
    if (!wanted(event)) return;
    event.preventDefault();
    veil.hidden = true;
    const image = event.dataTransfer?.files[0];
    if (image) take(image, onImage);
  });
}

/** @param {(image: Blob) => void} onImage */
function bindWebcam(onImage) {
  const video = element('webcam', HTMLVideoElement);
  const open = button('image-camera');
  const label = /** @type {HTMLElement} */ (open.querySelector('span'));
  const stop = () => {
    const media = /** @type {MediaStream | null} */ (video.srcObject);
    media?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    video.hidden = true;
    label.textContent = 'Use the camera';
  };
  dialog('image-dialog').addEventListener('close', stop);
  open.addEventListener('click', async () => {
    if (video.srcObject) {
      const blob = await encode(video, video.videoWidth, video.videoHeight);
      dialog('image-dialog').close();
      onImage(blob);
      return;
    }
    if (!navigator.mediaDevices) {
      toast('The camera needs a secure page', { text: 'Browsers give it only to https pages and to localhost.', kind: 'error' });
      return;
    }
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 } });
      video.hidden = false;
      await video.play();
      label.textContent = 'Take the picture';
    } catch {
      toastError(new Error('the browser gave no camera: allow it in the address bar, or choose a file'));
    }
  });
}
