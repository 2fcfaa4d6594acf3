/**
 * When the picture shows what the stream was told.
 * @module
 */

/**
 * @typedef {{chunk: number | null, known: Promise<void>, shown: Promise<void>}} Told the chunk that shows a control first; when the
 *   server has said which that will be, and which it was
 */

/** Of a control that a connection took along, or a stream that went back. */
const ignore = () => {};

/** @param {import('./acks.js').Ack} ack @returns {Told} */
export function told({ queued, applied }) {
  /** @param {{chunk: number}} answer */
  const hear = ({ chunk }) => void (told.chunk = chunk);
  /** @type {Told} */
  const told = { chunk: null, known: queued.then(hear, ignore), shown: applied.then(hear, ignore) }; // it may be one later than expected
  return told;
}
