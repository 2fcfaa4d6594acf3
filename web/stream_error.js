/**
 * The client's error.
 * @module
 */

/** What the server refused or why the stream ended, with the protocol's `code`. */
export class StreamError extends Error {
  /** @param {Partial<import('./protocol.js').Failure> & {message: string}} failure */
  constructor({ message, code = 'closed', retryable = false, field, retry_after_s: retryAfter }) {
    super(message);
    this.name = 'StreamError';
    this.code = code;
    this.retryable = retryable;
    this.field = field;
    /** Seconds, where the server says when it may work. */
    this.retryAfter = retryAfter;
  }
}
