/**
 * What a stream gets from the page it is opened on: the server's address, and the codecs that this browser plays.
 * @module
 */

/** The stream's address on the server that this page came from. @param {string} [path] */
export function streamUrl(path = '/v1/stream') {
  const url = new URL(path, location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** Codecs this browser decodes, best first. WebCodecs is missing on insecure origins: JPEG works everywhere. */
export function playableCodecs() {
  return 'VideoDecoder' in globalThis ? ['h264', 'vp8', 'vp9', 'av1', 'jpeg'] : ['jpeg'];
}
