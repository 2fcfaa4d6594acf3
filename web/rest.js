/**
 * The server's REST calls that the page makes, with the API key of this tab where the server asks for one.
 * @module
 */
import { serverUrl, StreamError, streamUrl } from './flowbrush.js';

const KEY = 'flowbrush.key';

/**
 * @typedef {object} ModelInfo
 * @property {string} name
 * @property {string} [title]
 * @property {number} width
 * @property {number} height
 * @property {[number, number][]} [sizes] every size that it makes, the usual one first
 * @property {number} fps
 * @property {Record<string, any>} capabilities
 * @property {any[]} examples
 * @property {boolean} [loaded]
 */

export class Rest {
  #key = keyOfTab();

  /** The key lives in this tab only. */
  get key() {
    return this.#key;
  }

  set key(key) {
    this.#key = key || null;
    try {
      if (key) sessionStorage.setItem(KEY, key);
      else sessionStorage.removeItem(KEY);
    } catch {
      // A browser that lends no storage asks for it again when the page is loaded again.
    }
  }

  /**
   * @param {string} path on the server, like `v1/models`
   * @param {RequestInit} [init]
   */
  async fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    if (this.key) headers.set('Authorization', `Bearer ${this.key}`);
    const answer = await reach(serverUrl(path), { ...init, headers });
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }

  /** @returns {Promise<ModelInfo[]>} */
  async models() {
    const answer = await (await this.fetch('v1/models')).json();
    return Array.isArray(answer) ? answer : answer.models;
  }

  /** @param {Blob} blob @returns {Promise<string>} the image's id */
  async uploadImage(blob) {
    const form = new FormData();
    form.append('file', blob, 'image');
    return (await (await this.fetch('v1/images', { method: 'POST', body: form })).json()).id;
  }

  /**
   * A new session that goes on from the end of `chunk` of another: what to resume it with.
   * @param {string} session
   * @param {number} chunk
   * @returns {Promise<{resume_token: string, last_frame: number}>}
   */
  async branch(session, chunk) {
    return this.#post(`v1/sessions/${session}/branch`, { chunk });
  }

  /** The newest picture of a session. @param {string} session */
  async newest(session) {
    return createImageBitmap(await (await this.fetch(`v1/sessions/${session}/frame.jpg`)).blob());
  }

  /** Has the next chunk begin with a key frame; which one that is. @param {string} session @returns {Promise<number>} */
  async mark(session) {
    return (await this.#post(`v1/sessions/${session}/mark`)).chunk;
  }

  /** The stream's address; where a key is needed, with a token made from it. */
  streamUrl() {
    return this.#withToken(streamUrl(), { role: 'controller' });
  }

  /** Where somebody's session can be watched. @param {string} session */
  watchUrl(session) {
    return this.#withToken(streamUrl(`v1/sessions/${encodeURIComponent(session)}/watch`), { role: 'viewer', session });
  }

  /**
   * Why no stream can be opened: browsers do not tell a page how a WebSocket was refused, but they do of other requests.
   * @returns {Promise<StreamError>}
   */
  async whyNoStream() {
    try {
      await this.#post('v1/tokens', { role: 'controller' });
    } catch (error) {
      if (error instanceof StreamError) return error;
    }
    return new StreamError({ code: 'no_websocket', message: 'the server answers, but it opens no WebSocket' });
  }

  /** @param {string} url @param {{role: string, session?: string}} wish */
  async #withToken(url, wish) {
    if (!this.key) return url;
    const { token } = await this.#post('v1/tokens', wish);
    return `${url}?token=${encodeURIComponent(token)}`;
  }

  /** @param {string} path @param {object} [body] */
  async #post(path, body = {}) {
    const headers = { 'Content-Type': 'application/json' };
    return (await this.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })).json();
  }
}

/** The key that was written in this tab before the page was loaded again. */
function keyOfTab() {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}

/** `fetch`, with an error that says what is wrong. @param {string} url @param {RequestInit} [init] */
export function reach(url, init) {
  return fetch(url, init).catch(() => {
    throw new StreamError({ code: 'closed_1006', message: 'the server cannot be reached' });
  });
}

/** @param {Response} answer */
async function refusal(answer) {
  const body = await answer.json().catch(() => ({}));
  const detail = body.error ?? body.detail ?? body;
  const code = answer.status === 401 ? 'unauthorized' : (detail?.code ?? `http_${answer.status}`);
  const message = typeof detail === 'string' ? detail : (detail?.message ?? `the server answered ${answer.status} ${answer.statusText}`);
  return new StreamError({ code, message, retry_after_s: detail?.retry_after_s });
}
