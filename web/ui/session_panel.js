/**
 * What can be taken away from a session: picture, video, link, file; and the seed that it starts from.
 * @module
 */
import { button, input, isHere, saveBlob } from './dom.js';
import { toast, toastError } from './toasts.js';

const SEED_MAX = 2 ** 31;
const ACTIONS = ['snapshot', 'record', 'download', 'share', 'save', 'stop'];

/**
 * @typedef {object} SessionActions
 * @property {() => Promise<Blob | null>} snapshot
 * @property {() => string | null} session id of the session, also of one that has ended
 * @property {(path: string) => Promise<Response>} fetch
 * @property {boolean} needsKey whether plain links to the server would be refused
 * @property {(file: any) => void} load
 * @property {(click: MouseEvent) => void} stop
 */

export class SessionPanel {
  #actions;

  /** @param {SessionActions} actions */
  constructor(actions) {
    this.#actions = actions;
    const file = input('session-file');
    /** @type {Record<string, (click: MouseEvent) => Promise<void> | void>} */
    const runs = {
      snapshot: () => this.#snapshot(),
      download: () => this.#download('recording.mp4', 'mp4'),
      share: () => this.#share(),
      save: () => this.#download('log', 'json'),
      load: () => file.click(),
      stop: (click) => actions.stop(click),
    };
    for (const [id, run] of Object.entries(runs)) {
      button(id).addEventListener('click', (click) => once(button(id), () => run(click)));
    }
    button('dice').addEventListener('click', () => (input('seed').value = String(randomSeed())));
    file.addEventListener('change', () => {
      const chosen = file.files?.[0];
      file.value = '';
      if (chosen) this.open(chosen);
    });
  }

  /** @param {boolean} live @param {boolean} ended whether there is a session whose results can still be had */
  enable(live, ended) {
    for (const id of ACTIONS) button(id).disabled = !live && !(ended && ['download', 'save'].includes(id));
  }

  /** The seed to start with: the one written, or another each time. */
  takeSeed() {
    const written = input('seed').value.trim();
    const seed = /^\d+$/.test(written) ? Math.min(Number(written), Number.MAX_SAFE_INTEGER) : randomSeed();
    this.showSeed(seed);
    return seed;
  }

  /** Tells which seed the stream has; null where that is not known. @param {number | null} seed */
  showSeed(seed) {
    input('seed').placeholder = seed === null ? 'any' : `${seed} now`;
  }

  async #snapshot() {
    const blob = await this.#actions.snapshot();
    if (blob) saveBlob(blob, `${this.#name}.png`);
  }

  /** @param {string} what @param {string} ending */
  async #download(what, ending) {
    const session = this.#actions.session();
    if (session) await this.#fetch(`v1/sessions/${session}/${what}`, ending);
  }

  /** Saves a part of a session's video. @param {string} session @param {number} first @param {number} last */
  saveClip(session, first, last) {
    return this.#fetch(`v1/sessions/${session}/recording.mp4?first=${first}&last=${last}`, 'mp4');
  }

  /** @param {string} path @param {string} ending */
  async #fetch(path, ending) {
    const blob = await (await this.#actions.fetch(path)).blob();
    saveBlob(blob, `${this.#name}.${ending}`);
  }

  async #share() {
    const link = new URL('.', location.href);
    link.searchParams.set('watch', this.#actions.session() ?? '');
    const copied = await navigator.clipboard?.writeText(link.href).then(() => true, () => false);
    let text = link.href;
    if (this.#actions.needsKey) text += ' — whoever opens it needs a key of this server.';
    else if (isHere()) text += ' — it opens on this machine alone, as this page does.';
    toast(copied ? 'Viewer link copied' : 'Viewer link', { text });
  }

  /** Plays a saved session. @param {File} file */
  async open(file) {
    let session;
    try {
      session = JSON.parse(await file.text());
    } catch {
      toast('That is no session file', { text: 'Choose a .json file that was saved here with Save session.', kind: 'error' });
      return;
    }
    this.#actions.load(session);
  }

  get #name() {
    const now = new Date();
    const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
    return `flowbrush-${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  }
}

/** Runs what a button does, not twice at a time: a film that is being made needs no second press. @param {HTMLButtonElement} button @param {() => Promise<void> | void} run */
async function once(button, run) {
  if (button.hasAttribute('aria-busy')) return;
  button.setAttribute('aria-busy', 'true');
  try {
    await run();
  } catch (error) {
    toastError(error);
  }
  button.removeAttribute('aria-busy');
}

function randomSeed() {
  return Math.floor(Math.random() * SEED_MAX);
}
