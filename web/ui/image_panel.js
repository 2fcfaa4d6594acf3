/**
 * A start picture from anywhere: a file, a drop, the clipboard, the camera, or the gallery. It goes out in its own shape. A saved session
 * that is dropped is played.
 * @module
 */
import { block, button, dialog, element, input } from './dom.js';
import { openCamera } from './own_camera.js';
import { encode, pick, upload } from './picture_file.js';
import { toast, toastError } from './toasts.js';

/** Share of a picture that may be left out without a word. */
const CUT = 0.35;

/** @typedef {(image: Blob | Promise<Blob>) => void} Take what to do with a picture; one that is no picture rejects with words for it */

/** @param {Take} onImage @param {(file: File) => void} onSession a saved session was handed over in a picture's place */
export function bindImages(onImage, onSession) {
  /** @param {File | null} file */
  const take = (file) => {
    if (!file) return;
    dialog('image-dialog').close();
    if (file.type === 'application/json') onSession(file);
    else onImage(upload(file));
  };
  button('image-open').addEventListener('click', () => dialog('image-dialog').showModal());
  for (const [field, buttons] of /** @type {[string, string[]][]} */ ([['image-file', ['image-choose', 'photo-choose']], ['image-capture', []]])) {
    const file = input(field);
    for (const id of buttons) button(id).addEventListener('click', () => file.click());
    file.addEventListener('change', () => {
      take(pick(file.files));
      file.value = '';
    });
  }
  document.addEventListener('paste', (event) => {
    const written = event.target instanceof HTMLInputElement && event.clipboardData?.types.includes('text/plain');
    if (!written) take(pick(event.clipboardData?.files)); // some programs copy words as a picture, too
  });
  bindDrop(take);
  bindCamera(onImage);
}

/** Tells when much of a picture is left out, as of a panorama. @param {Blob} image @param {{width: number, height: number}} shown its stream's size */
export async function sayWhatIsCut(image, { width, height }) {
  const picture = await createImageBitmap(image);
  const shape = (picture.width / picture.height) * (height / width);
  if (Math.min(shape, 1 / shape) > 1 - CUT) return;
  toast('Only the middle of the picture is shown', { text: 'It is much wider or taller than what the model makes. To choose the part yourself, cut it out first.' });
}

/** @param {(file: File) => void} take */
function bindDrop(take) {
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
    const image = pick(event.dataTransfer?.files);
    if (image) take(image);
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
      video.srcObject = await openCamera(1280);
      video.hidden = false;
      await video.play();
      label.textContent = 'Take the picture';
    } catch (error) {
      toastError(error);
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
