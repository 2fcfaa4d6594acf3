/**
 * Files that people hand over as a start picture: which of them is one, and the upload that is made of it.
 * @module
 */
import { StreamError } from '../stream_error.js';
import { toast } from './toasts.js';

const SIDE_MAX = 1280;
/** What shows through where a picture is transparent, as on the server. */
const GROUND = '#ffffff';

const WORK = 'PNG, JPEG and WebP work.';
/** What to do with files that no browser, or not every one, reads as pictures, by the kind that `kindOf` gives. @type {Record<string, string>} */
const OTHERS = {
  video: 'A video is followed: begin with a picture or a scene, then choose it under Follow a video.',
  heic: `Photos of phones in HEIC are read by few browsers: save or share it as JPEG first. ${WORK}`,
  svg: `An SVG is a drawing without pixels: save it as a PNG first. ${WORK}`,
  empty: `The file is empty: it may not have come whole. Open it once, or take another. ${WORK}`,
  folder: `It is a folder, or empty: take one picture of it. ${WORK}`,
  image: `The file is damaged, or of a kind that is not known here. ${WORK}`,
};

/** @param {Blob} file */
function kindOf(file) {
  const ending = file instanceof File ? (/\.([^.]+)$/.exec(file.name)?.[1] ?? '').toLowerCase() : '';
  const [group, kind] = file.type.split('/');
  if (/^hei[cf]/.test(kind ?? '') || /^hei[cf]$/.test(ending)) return 'heic';
  if (kind?.startsWith('svg') || ending === 'svg') return 'svg';
  if (!file.type && !ending) return 'folder'; // that is all that a browser tells of one
  if (file.size === 0) return 'empty';
  return group;
}

/**
 * The first picture of files that were handed over together, and says that the others were left; null where there is no file.
 * @param {FileList | File[] | undefined | null} given
 * @returns {File | null}
 */
export function pick(given) {
  const files = [...(given ?? [])];
  const pictures = files.filter((file) => file.type.startsWith('image/'));
  const taken = pictures[0] ?? files[0] ?? null;
  if (pictures.length > 1) toast('One picture is taken at a time', { text: `This is ${taken.name}, the first of ${pictures.length}.` });
  return taken;
}

/**
 * Makes an upload of a picture: not larger than any model needs, upright, whole. Rejects with what to do where it is none.
 * @param {Blob} source
 */
export async function upload(source) {
  const bitmap = await createImageBitmap(source, { imageOrientation: 'from-image' }).catch(() => {
    throw new StreamError({ code: 'no_picture', message: OTHERS[kindOf(source)] ?? WORK });
  });
  if (await isAnimated(source)) toast('Only the first picture of the animation is taken', { text: 'You move what is in it. A video can be followed: choose it under Follow a video.' });
  const scale = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height));
  return encode(bitmap, Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale)));
}

/** Whether a picture moves, as far as this browser can tell. @param {Blob} source */
async function isAnimated(source) {
  if (!('ImageDecoder' in window) || !(await ImageDecoder.isTypeSupported(source.type))) return false;
  const decoder = new ImageDecoder({ data: source.stream(), type: source.type });
  try {
    await decoder.completed;
    return (decoder.tracks.selectedTrack?.frameCount ?? 1) > 1;
  } catch {
    return false; // it was read all the same
  } finally {
    decoder.close();
  }
}

/** @param {CanvasImageSource} source @param {number} width @param {number} height @returns {Promise<Blob>} */
export function encode(source, width, height) {
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
