/**
 * The flowbrush client for browsers: one stream over one WebSocket, resumed by itself when the connection is lost.
 *
 *     import { connect } from './web/flowbrush.js';
 *     const stream = await connect({ prompt: 'a panda in the meadow', seed: 7 });
 *     stream.on('packet', (packet) => player.push(packet));
 *     const drag = stream.drag({ x: 0.6, y: 0.7 });
 *     drag.move({ x: 0.4, y: 0.6 });
 *     await drag.release().applied;
 *
 * Events: every message of the server under its type (`session.ready`, `control.applied`, `chunk`, `track.held`, …),
 * `reconnecting` and `reconnected` as in the Python client, and `packet`, `state`, `closed`.
 * @module
 */
import { Stream } from './stream.js';

export { giveUp, playableCodecs, serverUrl, streamUrl } from './defaults.js';
export { StreamError } from './stream_error.js';
export { Stream };

/**
 * Opens a stream and waits until it is ready.
 * @param {import('./protocol.js').StartSettings} settings
 * @param {import('./stream.js').StreamOptions} [options]
 */
export async function connect(settings, options) {
  const stream = new Stream(settings, options);
  await stream.open();
  return stream;
}
