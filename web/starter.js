/**
 * How streams begin: from words, from a picture, from a card of the empty page, or where a page left off.
 * @module
 */
import { keep, takeKept } from './kept.js';

/** A window that is narrower is a phone's; one that is held upright gets an upright picture. */
const UPRIGHT = '(max-width: 640px) and (max-aspect-ratio: 1)';

/**
 * @typedef {import('./protocol.js').StartSettings} StartSettings
 * @typedef {object} Fields what the page's fields say
 * @property {() => import('./rest.js').ModelInfo | undefined} model
 * @property {() => Promise<import('./rest.js').ModelInfo[]>} models of the server, which a page that just opened waits for
 * @property {() => number} seed
 * @property {(seed: number | null) => void} showSeed
 * @property {(goBack: () => void) => void} left another stream takes the place of one that can be gone back to for a while
 * @property {{text: string, prompts: import('./protocol.js').Prompt[], forgetUsed: () => void}} prompts
 */

export class Starter {
  #app;
  #fields;
  /** @type {StartSettings | null} */
  #last = null;
  /** What to do first with the picture that was chosen: empty for nothing in particular, null for nothing. @type {string | null} */
  invitation = '';
  /** Whether the stream on stage is of a picture, which no prompt that is offered may put another in the place of. */
  ofPicture = false;

  /**
   * @param {import('./app.js').App} app
   * @param {Fields} fields
   */
  constructor(app, fields) {
    this.#app = app;
    this.#fields = fields;
  }

  /** From words, or what else is given. @param {Partial<StartSettings>} settings @param {string} [invitation] */
  async begin(settings, invitation = '') {
    this.#turn += 1;
    this.invitation = invitation;
    this.ofPicture = Boolean(settings.image);
    const model = this.#fields.model();
    this.#last = { model: model?.name, seed: this.#fields.seed(), ...this.#size(model, settings), ...settings };
    this.#leaveForAnother();
    await this.#app.start(this.#last);
  }

  /** Begins the last stream once more; null when there was none. */
  get again() {
    const last = this.#last;
    return last && (() => void this.#app.start(last));
  }

  /** Counts what was chosen: the newest choice holds, however long an older one takes. */
  #turn = 0;

  /** Whether something was chosen on this page. */
  get chosen() {
    return this.#turn > 0;
  }

  /**
   * Does what a choice needs first. Gives null where something else was chosen meanwhile.
   * @template T
   * @param {() => Promise<T>} prepare
   * @returns {Promise<{made: T} | null>}
   */
  async #prepared(prepare) {
    const turn = (this.#turn += 1);
    try {
      const made = await prepare();
      return turn === this.#turn ? { made } : null;
    } catch (error) {
      if (turn === this.#turn) throw error;
      return null;
    }
  }

  /**
   * From a picture, in its own shape; the words are those that were written, and there may be none. Gives false where
   * something else was chosen before the picture was there.
   * @param {Blob | Promise<Blob>} image
   * @param {string} [invitation]
   */
  async fromPicture(image, invitation = '') {
    this.#fields.prompts.forgetUsed();
    const { prompts } = this.#fields.prompts;
    const id = await this.#prepared(async () => this.#app.rest.uploadImage(await image));
    if (id) await this.begin({ image: id.made, ...(prompts.length > 0 && { prompts }) }, invitation);
    return id !== null;
  }

  /**
   * From a session file, which is played to its end. Gives false when the person took over before, or chose something else.
   * @param {any} raw
   */
  async replay(raw) {
    const ready = await this.#prepared(async () => {
      const { checkSessionFile, pinsOf } = await import('./replay.js');
      const file = checkSessionFile(raw);
      const models = await this.#fields.models();
      if (!models.some(({ name, loaded }) => name === file.model && loaded !== false)) {
        throw new Error(`the session was made by the model ${file.model}, which this server does not have`);
      }
      const { image } = file.start;
      return { file, pins: pinsOf(file), image: typeof image === 'string' ? await this.#app.rest.uploadImage(await (await fetch(image)).blob()) : undefined };
    });
    if (!ready) return false;
    const { file, image, pins } = ready.made;
    this.#leaveForAnother();
    const { prompts, prompt, seed } = file.start;
    this.invitation = null;
    this.ofPicture = Boolean(image);
    this.#last = null;
    this.#fields.prompts.text = prompts?.[0]?.text ?? prompt ?? '';
    this.#fields.showSeed(seed ?? null);
    const whole = await this.#app.replay(file, image);
    if (whole) this.#app.brush.adopt(pins);
    return whole;
  }

  /** The page is left: what it needs to go on when it is loaded again. */
  leave() {
    const stays = this.#stays;
    if (stays) keep(stays);
  }

  /** What the stream on stage is gone on with later; null where that cannot be. @returns {import('./kept.js').Kept | null} */
  get #stays() {
    const { stream, watching, brush } = this.#app;
    const token = stream?.ready?.resume_token;
    if (!stream || watching || !token) return null;
    return { token, lastFrame: stream.lastFrame, prompt: this.#fields.prompts.text, pins: brush.pins, ofPicture: this.ofPicture };
  }

  /** A slip, as of a file that is dropped, must not lose a stream. */
  #leaveForAnother() {
    const stays = this.#stays;
    if (!stays || stays.lastFrame < 0) return;
    this.#app.leave();
    this.#fields.left(() => {
      this.#turn += 1;
      this.#leaveForAnother();
      this.#goOnWith({ ...stays, prompt: '' }); // its own words come with it: those in the field may be the other's
    });
  }

  /** Goes on with the stream that this tab showed before it was loaded again; whether there was one. */
  async goOn() {
    const kept = takeKept();
    if (kept) await this.#goOnWith(kept);
    return kept !== null;
  }

  /** @param {import('./kept.js').Kept} kept */
  async #goOnWith(kept) {
    this.invitation = null;
    this.ofPicture = kept.ofPicture === true;
    this.#last = null;
    this.#fields.prompts.text = kept.prompt;
    const stream = await this.#app.start({ resume: kept.token, last_frame: kept.lastFrame });
    if (stream) this.#app.brush.adopt(kept.pins);
  }

  /**
   * A phone that is held upright gets an upright picture; the shape of a start picture decides for itself.
   * @param {import('./rest.js').ModelInfo | undefined} model
   * @param {Partial<StartSettings>} settings
   */
  #size(model, settings) {
    if (settings.image || settings.width || !matchMedia(UPRIGHT).matches) return {};
    const upright = model?.sizes?.find(([width, height]) => height > width);
    return upright ? { width: upright[0], height: upright[1] } : {};
  }
}
