/**
 * The server's REST calls that the page makes, with the API key of this tab where the server asks for one.
 * @module
 */
import { StreamError, streamUrl } from './flowbrush.js';

const KEY = 'flowbrush.key';

/**
 * @typedef {object} ModelInfo
 * @property {string} name
 * @property {string} [title]
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {Record<string, any>} capabilities
 * @property {any[]} examples
 * @property {boolean} [loaded]
 */

export class Rest {
  /** The key lives in this tab only. */
  get key() {
    return sessionStorage.getItem(KEY);
  }

  set key(key) {
    if (key) sessionStorage.setItem(KEY, key);
    else sessionStorage.removeItem(KEY);
  }

  /**
   * @param {string} path
   * @param {RequestInit} [init]
   */
  async fetch(path, init = {}) {
    const headers = new Headers(init.headers);
    if (this.key) headers.set('Authorization', `Bearer ${this.key}`);
    const answer = await fetch(path, { ...init, headers }).catch(() => {
      throw new StreamError({ code: 'closed_1006', message: 'the server cannot be reached' });
    });
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }

  /** @returns {Promise<ModelInfo[]>} */
  async models() {
    const answer = await (await this.fetch('/v1/models')).json();
    return Array.isArray(answer) ? answer : answer.models;
  }

  /** @param {Blob} blob @returns {Promise<string>} the image's id */
  async uploadImage(blob) {
    const form = new FormData();
    form.append('file', blob, 'image');
    return (await (await this.fetch('/v1/images', { method: 'POST', body: form })).json()).id;
  }

  /**
   * A new session that goes on from the end of `chunk` of another: what to resume it with.
   * @param {string} session
   * @param {number} chunk
   * @returns {Promise<{resume_token: string, last_frame: number}>}
   */
  async branch(session, chunk) {
    const answer = await this.fetch(`/v1/sessions/${session}/branch`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ chunk }),
    });
    return answer.json();
  }

  /** Has the next chunk begin with a key frame; which one that is. @param {string} session @returns {Promise<number>} */
  async mark(session) {
    return (await (await this.fetch(`/v1/sessions/${session}/mark`, { method: 'POST' })).json()).chunk;
  }

  /**
   * The stream's address; where a key is needed, with a token made from it.
   * @param {string} [path]
   */
  async streamUrl(path = '/v1/stream') {
    if (!this.key) return streamUrl(path);
    const { token } = await (await this.fetch('/v1/tokens', { method: 'POST' })).json();
    return `${streamUrl(path)}?token=${encodeURIComponent(token)}`;
  }
}

/** @param {Response} answer */
async function refusal(answer) {
  const body = await answer.json().catch(() => ({}));
  const detail = body.error ?? body.detail ?? body;
  const code = answer.status === 401 || answer.status === 403 ? 'unauthorized' : (detail?.code ?? `http_${answer.status}`);
  const message = typeof detail === 'string' ? detail : (detail?.message ?? `the server answered ${answer.status} ${answer.statusText}`);
  return new StreamError({ code, message });
}
