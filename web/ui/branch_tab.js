/**
 * A branch opens in a tab of its own, which has the picture that it goes on from before the server has made the next one.
 * @module
 */
import { toast, toastError } from './toasts.js';

const KEY = 'flowbrush.branch';

/**
 * Opens one. Browsers let a page do so while a button is being pressed: the tab comes first.
 * @param {Promise<string>} branch what its address has after the `#`
 * @param {ImageBitmap | undefined} picture of the film strip
 */
export async function openBranch(branch, picture) {
  const tab = window.open('about:blank', '_blank');
  try {
    const hash = await branch;
    if (tab) {
      if (picture) handOver(tab, picture);
      tab.location.href = new URL(`.${hash}`, location.href).href;
    } else toast('The browser kept the new tab closed', { text: 'Allow this page to open tabs, then try again.', kind: 'error' });
  } catch (error) {
    tab?.close();
    toastError(error);
  }
}

/** @param {Window} tab @param {ImageBitmap} picture */
function handOver(tab, picture) {
  const canvas = Object.assign(document.createElement('canvas'), { width: picture.width, height: picture.height });
  canvas.getContext('2d')?.drawImage(picture, 0, 0);
  try {
    tab.sessionStorage.setItem(KEY, canvas.toDataURL('image/jpeg'));
  } catch {
    // A browser that lends no storage shows the banner alone.
  }
}

/** What the page before has handed over to this one, once. @returns {Promise<ImageBitmap | null>} */
export async function pictureOfBranch() {
  try {
    const picture = sessionStorage.getItem(KEY);
    sessionStorage.removeItem(KEY);
    return picture === null ? null : await createImageBitmap(await (await fetch(picture)).blob());
  } catch {
    return null;
  }
}
