/**
 * The wire format of protocol version 1: constants, message shapes and the media packet header. Pure.
 * @module
 */

export const SUBPROTOCOL = 'flowbrush.v1';
export const HEADER_BYTES = 32;
export const HEADER_VERSION = 1;
export const FLAG_KEY = 1;
export const FLAG_LAST = 2;
export const FLAG_DISCONTINUITY = 4;

/** Codec names by the number in the header. */
export const CODECS = Object.freeze(['jpeg', 'h264', 'vp8', 'vp9', 'av1']);

/** Coordinates may leave the frame by this much; the server refuses what lies beyond. */
export const COORDINATE_MIN = -1;
export const COORDINATE_MAX = 2;

/** Most points that go into one message. */
export const MAX_POINTS = 1000;

/** Most points in `add`, and in `remove`. */
export const MAX_TOUCHES = 32;

/** Close codes after which a new attempt would end the same way. */
export const FINAL_CLOSE_CODES = Object.freeze([1000, 1003, 1008]);

/**
 * @typedef {{t: number, x: number, y: number, visible?: boolean}} Point
 *   x and y are normalised to the frame (0,0 top left, 1,1 bottom right), t is in seconds.
 * @typedef {{rows: number, cols: number, spacing: number}} Grid
 * @typedef {[number, number][][]} Region polygons of [x, y], even-odd
 * @typedef {{grid?: Grid, region?: Region, add?: [number, number][], remove?: [number, number][]}} TrackOptions
 * @typedef {'drag' | 'pin' | 'path'} TrackKind
 * @typedef {{text: string, weight: number}} Prompt
 * @typedef {{chunks: number, method: 'linear' | 'slerp'}} Transition
 * @typedef {{pan: [number, number], zoom: number, roll: number, mode?: 'velocity' | 'target'}} Camera
 *
 * @typedef {object} StartSettings
 * @property {string} [model]
 * @property {Prompt[]} [prompts]
 * @property {string} [prompt]
 * @property {number} [seed]
 * @property {string} [image] id from `POST /v1/images`
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [fps]
 * @property {string[]} [codecs]
 * @property {number} [steps]
 * @property {boolean} [paused]
 * @property {object[]} [tracks]
 * @property {string} [resume]
 * @property {number} [last_frame]
 *
 * @typedef {object} Ready
 * @property {number} protocol
 * @property {string} session
 * @property {string} [resume_token]
 * @property {number} [last_id] id of the last control that was accepted, 0 for none
 * @property {string} model
 * @property {number} width
 * @property {number} height
 * @property {number} fps
 * @property {number} chunk_frames
 * @property {string} codec
 * @property {string} codec_string
 * @property {Record<string, any>} capabilities
 * @property {any[]} examples
 * @property {Record<string, any>} limits
 * @property {Prompt[]} [prompts] those that the stream was given last, where the server knows them
 * @property {Notice[]} [notices] what was said of prompts so far
 *
 * @typedef {object} ChunkInfo
 * @property {number} chunk
 * @property {number} first_frame
 * @property {number} frames
 * @property {number} pts
 * @property {number} generate_ms
 * @property {number} decode_ms
 * @property {number} encode_ms
 * @property {number} queue_ms
 * @property {string} prompt
 * @property {number} [rate] share of real time at which chunks come now, where it is less than 1
 *
 * @typedef {{id?: number, x: number, y: number, region: Region, label?: string}} Outline
 * @typedef {{track: number, region: Region}} Held
 * @typedef {{code: string, message: string, retryable?: boolean, id?: number, field?: string, retry_after_s?: number}} Failure
 * @typedef {{code: string, message: string, id?: number, prompt?: string}} Notice `prompt` is the text that it is about
 * @typedef {{chunks: number, frames: number, reason: string, recording?: string, log: string}} Done
 *
 * @typedef {object} Packet one encoded frame
 * @property {boolean} key
 * @property {boolean} last last frame of its chunk
 * @property {boolean} discontinuity first frame after a rewind, reset, recovery or skip
 * @property {string} codec
 * @property {number} chunk
 * @property {number} frame index in the stream
 * @property {number} control id of the last control that this frame shows, 0 for none
 * @property {number} pts seconds
 * @property {number} ageMs from the start of the chunk's generation until the frame was sent
 * @property {Uint8Array<ArrayBuffer>} payload
 */

/**
 * Reads a media packet. Throws a RangeError that says what is wrong with it.
 * @param {ArrayBuffer} buffer
 * @returns {Packet}
 */
export function parsePacket(buffer) {
  if (buffer.byteLength < HEADER_BYTES) {
    throw new RangeError(`media packet of ${buffer.byteLength} bytes: the header alone has ${HEADER_BYTES}`);
  }
  const view = new DataView(buffer);
  if (view.getUint8(0) !== HEADER_VERSION) {
    throw new RangeError(`media header version ${view.getUint8(0)}: expected ${HEADER_VERSION}`);
  }
  const codec = CODECS[view.getUint8(2)];
  if (codec === undefined) throw new RangeError(`media codec number ${view.getUint8(2)} is not known`);
  const length = view.getUint32(28, true);
  if (length !== buffer.byteLength - HEADER_BYTES) {
    throw new RangeError(`media payload: the header says ${length} bytes, ${buffer.byteLength - HEADER_BYTES} came`);
  }
  const flags = view.getUint8(1);
  return {
    key: (flags & FLAG_KEY) !== 0,
    last: (flags & FLAG_LAST) !== 0,
    discontinuity: (flags & FLAG_DISCONTINUITY) !== 0,
    codec,
    chunk: view.getUint32(4, true),
    frame: view.getUint32(8, true),
    control: view.getUint32(12, true),
    pts: Number(view.getBigUint64(16, true)) / 1e6,
    ageMs: view.getUint32(24, true) / 1e3,
    payload: new Uint8Array(buffer, HEADER_BYTES),
  };
}

const UNSEEN = /^[\s\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]*$/u;

/**
 * Whether a text shows nothing: it is empty, or has spaces and characters without a picture alone.
 * @param {string} text
 */
export function isBlank(text) {
  return UNSEEN.test(text);
}

/**
 * A number within the range of coordinates, rounded to what a picture can show.
 * @param {number} value
 */
export function coordinate(value) {
  const bounded = Math.min(COORDINATE_MAX, Math.max(COORDINATE_MIN, value));
  return Math.round(bounded * 1e5) / 1e5;
}

/**
 * A point as it goes over the wire: bounded and rounded.
 * @param {Point} point
 * @returns {Point}
 */
export function wirePoint({ t, x, y, visible }) {
  const point = { t: Math.round(Math.max(0, t) * 1e4) / 1e4, x: coordinate(x), y: coordinate(y) };
  return visible === undefined ? point : { ...point, visible };
}

/**
 * Prompts in one form, whatever was given.
 * @param {string | Prompt | Prompt[]} prompt
 * @returns {Prompt[]}
 */
export function promptList(prompt) {
  if (typeof prompt === 'string') return [{ text: prompt, weight: 1 }];
  return Array.isArray(prompt) ? prompt : [prompt];
}
