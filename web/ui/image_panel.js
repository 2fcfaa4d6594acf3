/**
 * A start picture from anywhere: a file, a drop, the clipboard, the camera, or the gallery. It goes out in its own shape.
 * @module
 */
import { StreamError } from '../stream_error.js';
import { block, button, dialog, element, input } from './dom.js';
import { toast, toastError } from './toasts.js';

const SIDE_MAX = 1280;
/** Share of a picture that may be left out without a word. */
const CUT = 0.35;
/** What shows through where a picture is transparent, as on the server. */
const GROUND = '#ffffff';

/** @typedef {(image: Blob | Promise<Blob>) => void} Take what to do with a picture; one that is no picture rejects with words for it */

/** @param {Take} onImage */
export function bindImages(onImage) {
  button('image-open').addEventListener('click', () => dialog('image-dialog').showModal());
  for (const [field, buttons] of /** @type {[string, string[]][]} */ ([['image-file', ['image-choose', 'photo-choose']], ['image-capture', []]])) {
    const file = input(field);
    for (const id of buttons) button(id).addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      if (file.files?.[0]) onImage(take(file.files[0]));
      file.value = '';
    });
  }
  document.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const image = files.find(({ type }) => type.startsWith('image/')) ?? files[0];
    if (image) onImage(take(image));
  });
  bindDrop(onImage);
  bindCamera(onImage);
}

/**
 * Makes an upload of a picture: not larger than any model needs, upright, whole.
 * @param {Blob} source
 */
async function take(source) {
  dialog('image-dialog').close();
  const bitmap = await createImageBitmap(source, { imageOrientation: 'from-image' }).catch(() => {
    const message = OTHERS[source.type.split('/')[0]] ?? OTHERS[source.type] ?? 'PNG, JPEG and WebP work.';
    throw new StreamError({ code: 'no_picture', message });
  });
  const scale = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height));
  return encode(bitmap, Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
}

/** What to do with files that are no pictures and still have a place here, by type. @type {Record<string, string>} */
const OTHERS = {
  video: 'A video is followed: begin with a picture or a scene, then choose it under Follow a video.',
  'application/json': 'A saved session is opened with Load session.',
};

/** Tells when much of a picture is left out, as of a panorama. @param {Blob} image @param {{width: number, height: number}} shown its stream's size */
export async function sayWhatIsCut(image, { width, height }) {
  const picture = await createImageBitmap(image);
  const shape = (picture.width / picture.height) * (height / width);
  if (Math.min(shape, 1 / shape) > 1 - CUT) return;
  toast('Only the middle of the picture is shown', { text: 'It is much wider or taller than what the model makes. To choose the part yourself, cut it out first.' });
}

/** @param {CanvasImageSource} source @param {number} width @param {number} height @returns {Promise<Blob>} */
function encode(source, width, height) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  if (context) {
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = 'high';
    context.drawImage(source, 0, 0, width, height);
  }
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('the picture could not be encoded'))), 'image/jpeg', 0.95),
  );
}

/** @param {Take} onImage */
function bindDrop(onImage) {
  const veil = block('drop');
  // A link that nobody takes would lead the page away from its stream; in a field it is text.
  /** @param {DragEvent} event */
  const wanted = ({ dataTransfer, target }) =>
    dataTransfer?.types.includes('Files') || (dataTransfer?.types.includes('text/uri-list') && !(target instanceof HTMLInputElement));
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
    if (image) onImage(take(image));
    else toast('Only a file can be dropped here', { text: 'Save the picture first, or copy it there and paste it here.', kind: 'error' });
  });
}

/** The camera in the page; on a phone, or where a page gets none, the system's own. @param {Take} onImage */
function bindCamera(onImage) {
  const video = element('webcam', HTMLVideoElement);
  const trigger = button('image-camera');
  const label = /** @type {HTMLElement} */ (trigger.querySelector('span'));
  const stop = () => {
    const media = /** @type {MediaStream | null} */ (video.srcObject);
    media?.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    video.hidden = true;
    label.textContent = 'Use the camera';
  };
  const open = async () => {
    if (!navigator.mediaDevices || matchMedia('(pointer: coarse)').matches) {
      input('image-capture').click();
      return;
    }
    if (!dialog('image-dialog').open) dialog('image-dialog').showModal();
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 1280 } });
      video.hidden = false;
      await video.play();
      label.textContent = 'Take the picture';
    } catch {
      toastError(new Error('the browser gave no camera: allow it in the address bar, or choose a file'));
    }
  };
  dialog('image-dialog').addEventListener('close', stop);
  button('photo-take').addEventListener('click', open);
  trigger.addEventListener('click', async () => {
    if (!video.srcObject) {
      open();
      return;
    }
    const blob = await encode(video, video.videoWidth, video.videoHeight);
    dialog('image-dialog').close();
    onImage(blob);
  });
}
