/**
 * Errors in words that a person understands, with what to do.
 * @module
 */

/** @typedef {{title: string, text: string}} Words */

/** @type {Record<string, Words>} */
const WORDS = {
  unauthorized: { title: 'This server asks for a key', text: 'The API key is missing or not valid. Reload the page and enter one.' },
  unknown_model: { title: 'That model is not here', text: 'Choose another model at the top.' },
  no_picture: { title: 'That is no picture that this browser can read', text: '' },
  camera_refused: { title: 'The browser gave no camera', text: 'Allow it in the address bar and try again, or choose a file.' },
  no_camera: { title: 'There is no camera here', text: 'Connect one, or choose a file.' },
  camera_busy: { title: 'The camera gives no picture', text: 'Another program may be using it: close that, or choose a file.' },
  camera_insecure: { title: 'This page gets no camera', text: 'Browsers give one to pages that are opened by https or on localhost. Choose a file.' },
  unknown_image: { title: 'The image is gone', text: 'Uploaded images are kept for a short while. Choose it again.' },
  unknown_session: { title: 'That session does not exist', text: 'It ended some time ago, or the link is incomplete.' },
  no_codec: { title: 'No common video format', text: 'This browser plays none of the formats that the server makes. A current browser does.' },
  resume_expired: { title: 'The stream could not be continued', text: 'It was away for too long, and its place was given up. Its video and its file can still be saved under Session for a while.' },
  slow_reader: { title: 'The connection is too slow', text: 'The pictures could not be delivered in time. Start again when the network is better.' },
  origin_refused: { title: 'The server does not take this address', text: '' },
  host_refused: { title: 'The server does not answer to this name', text: '' },
  no_websocket: { title: 'The stream cannot be opened', text: 'The server answers, but something in between lets no WebSocket through. A proxy has to pass Upgrade and Connection on.' },
  codec_failed: { title: 'Another video format is tried', text: 'The browser could not show the first one. The stream begins again.' },
  quota: { title: 'That is more than this key may have', text: '' },
  busy: { title: 'All places are taken', text: 'Try again in a moment.' },
  timeout: { title: 'The server did not hear from this page', text: 'Start again.' },
  rate_limited: { title: 'Too many messages', text: 'The server asks to slow down. Pause for a moment.' },
  too_many_tracks: { title: 'Too many tracks at once', text: 'Erase some pins or paths first (E, or X for all).' },
  rewind_out_of_range: { title: 'That moment is not there', text: 'It has not been made yet. Choose one that the film strip shows.' },
  generation_failed: { title: 'The model could not go on', text: 'Start again; another seed may help.' },
  internal: { title: 'Something went wrong on the server', text: 'Try again. If it stays, its log says more.' },
  not_connected: { title: 'No connection just now', text: 'The page is trying again by itself. Repeat this when the picture moves.' },
  unsupported: { title: 'This model cannot do that', text: '' },
};

/** Codes of answers and notices that the page causes itself when its view lags behind the server's: nobody needs to act on them. */
const SILENT = new Set(['unknown_track', 'id_not_increasing', 'not_paused', 'bad_packet', 'unknown_type', 'control_discarded']);

/** @param {string} code */
export function isSilent(code) {
  return SILENT.has(code);
}

/**
 * @param {{code?: string, message: string, retryAfter?: number}} failure
 * @returns {Words}
 */
export function wordsFor({ code = '', message, retryAfter }) {
  const words = WORDS[code];
  const later = retryAfter ? ` It may work again in ${Math.ceil(retryAfter)} s.` : '';
  if (words) return { title: words.title, text: (words.text || sentence(message)) + later };
  if (code === 'closed_1006') {
    return { title: 'The server cannot be reached', text: 'Is it running? Check that flowbrush serve is started and the address is right.' };
  }
  if (code === 'closed_1013') return { title: 'The server is full', text: 'Try again in a moment.' };
  if (code === 'closed_1001') return { title: 'The server was stopped', text: 'Start again when it is back.' };
  return { title: 'That did not work', text: sentence(message) };
}

/**
 * A notice as a title and what follows of it: most are "what is so: what to do", with words of the person in quotes.
 * @param {string} message
 * @returns {Words}
 */
export function parts(message) {
  const [, title, text] = /^((?:(?<!\w)(?:'[^']*'|"[^"]*")|[^'"]|(?<=\w)['"])*?): (.+)$/s.exec(message) ?? [];
  return title ? { title: sentence(isolated(title)).slice(0, -1), text: sentence(isolated(text)) } : { title: sentence(isolated(message)), text: '' };
}

/**
 * The prompts of a line that says which are in force, as the server writes it: "a cat (25%) + a dog (75%)", "a cat → a dog (50%)".
 * @param {string} line
 * @returns {string[]} and the line itself, which may be one prompt
 */
export function promptsOf(line) {
  return [line, ...line.split(/ → | \+ /).map((part) => part.replace(/ \(\d+%\)$/, ''))];
}

/** Quoted words that are written from right to left keep the signs around them in their places. @param {string} text */
function isolated(text) {
  return text.replace(/'([^']*[\u0590-\u08ff][^']*)'/g, "'\u2068$1\u2069'");
}

/** @param {string} message */
export function sentence(message) {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
