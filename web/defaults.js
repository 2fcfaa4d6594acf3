/**
 * What a stream gets from the page it is opened on: the server's address, and the codecs that this browser plays.
 * @module
 */

/** An address on the server that these modules came from, wherever a proxy has put it. @param {string} path like `v1/models` */
export function serverUrl(path) {
  return new URL(`../${path}`, import.meta.url).href;
}

/** The stream's address on that server. @param {string} [path] */
export function streamUrl(path = 'v1/stream') {
  return serverUrl(path).replace(/^http/, 'ws');
}

/** One string of each kind of video, of the profiles that servers send; JPEG works everywhere. */
const TRIED = { h264: 'avc1.42E01F', vp8: 'vp8', vp9: 'vp09.00.10.08', av1: 'av01.0.04M.08' };

/** Codecs that the browser said it has, and that failed all the same. @type {Set<string>} */
const failed = new Set();

/** Codecs this browser decodes, best first. WebCodecs is missing on insecure origins. @returns {Promise<string[]>} */
export async function playableCodecs() {
  const names = Object.keys(TRIED);
  const able = await Promise.all(Object.values(TRIED).map(decodes));
  return [...names.filter((name, index) => able[index] && !failed.has(name)), 'jpeg'];
}

/** Leaves a codec out from now on. @param {string} name */
export function giveUp(name) {
  failed.add(name);
}

/** @param {string} codec */
async function decodes(codec) {
  if (!('VideoDecoder' in globalThis)) return false;
  try {
    return (await VideoDecoder.isConfigSupported({ codec, optimizeForLatency: true })).supported === true;
  } catch {
    return false;
  }
}
