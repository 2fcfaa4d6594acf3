/**
 * What callers hand over, checked before anything is sent: a TypeError for the wrong kind, a RangeError for too small, too large, too
 * few or too many, in one line that names it, what came and what is expected.
 * @module
 */
import { COORDINATE_MAX, COORDINATE_MIN, MAX_TOUCHES, isBlank } from './protocol.js';

/** Limits of the protocol, by their names there. */
export const LIMITS = Object.freeze({
  MAX_FRAME_BYTES: 4194304,
  MAX_PROMPTS: 8,
  MAX_PROMPT_CHARS: 2000,
  MAX_WEIGHT: 100,
  MAX_TRANSITION_CHUNKS: 256,
  MAX_TRACKS: 64,
  MAX_TRACK_NUMBER: 2147483647,
  MAX_POINTS: 1024,
  MAX_GRID_SIDE: 16,
  MAX_GRID_SPACING: 0.5,
  MAX_POLYGONS: 64,
  MAX_PAN: 2,
  MAX_ZOOM: 4,
  MAX_ROLL: 360,
  MAX_STEP_CHUNKS: 256,
  MAX_STEPS: 64,
  MIN_SIDE: 32,
  MAX_SIDE: 4096,
  MIN_FPS: 1,
  MAX_FPS: 120,
  MAX_CODECS: 16,
  MAX_SEED: Number.MAX_SAFE_INTEGER,
});

/** @typedef {(value: any, name: string) => void} Check throws where `value`, which the caller knows as `name`, is none */

/**
 * An object without the fields that are null, which is to leave them out.
 * @template {object} T
 * @param {T} object
 * @returns {T}
 */
export const given = (object) => /** @type {T} */ (Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null)));

/** @param {any} value */
function shown(value) {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'function') return 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** @param {any} value @param {string} name @param {string} wanted */
const kind = (value, name, wanted) => new TypeError(`${name} is ${shown(value)}: expected ${wanted}`);

/** @param {string} what @param {number} least @param {number} most @param {boolean} above whether `least` itself is too small */
function ranged(what, least, most, above) {
  const from = least === -Infinity ? '' : above ? ` above ${least}` : ` from ${least}`;
  return `${what}${from}${most === Infinity ? '' : above ? `, at most ${most}` : ` to ${most}`}`;
}

/** @param {number} [least] @param {number} [most] @param {{whole?: boolean, above?: boolean}} [how] @returns {Check} */
function number(least = -Infinity, most = Infinity, { whole = false, above = false } = {}) {
  const wanted = ranged(whole ? 'a whole number' : 'a number', least, most, above);
  return (value, name) => {
    const finite = Number.isFinite(value);
    if (typeof value !== 'number' || (whole && finite && !Number.isInteger(value))) throw kind(value, name, wanted);
    if (finite && value <= most && (above ? value > least : value >= least)) return;
    throw new RangeError(`${name} is ${value}: expected ${wanted}`);
  };
}

/** @param {number} least @param {number} [most] */
const whole = (least, most) => number(least, most, { whole: true });

/** @param {string} type of `typeof` @param {string} wanted @returns {Check} */
const a = (type, wanted) => (value, name) => {
  if (typeof value !== type) throw kind(value, name, wanted);
};
const text = a('string', 'a string');
const flag = a('boolean', 'true or false');

/** @param {...string} words @returns {Check} */
const oneOf = (...words) => (value, name) => {
  if (!words.includes(value)) throw kind(value, name, words.map((word) => `'${word}'`).join(' or '));
};

/** @param {Check} each @param {number} [least] @param {number} [most] @returns {Check} */
const listOf = (each, least = 0, most = Infinity) => (value, name) => {
  if (!Array.isArray(value)) throw kind(value, name, 'a list');
  if (value.length < least || value.length > most) {
    throw new RangeError(`${name} has ${value.length} entries: expected ${most === Infinity ? `at least ${least}` : `${least} to ${most}`}`);
  }
  value.forEach((one, index) => each(one, `${name}[${index}]`));
};

/**
 * An object; a field whose name ends in ? may be left out, or be null.
 * @param {Record<string, Check>} shape
 * @param {boolean} [alone] whether no other fields are known
 * @returns {Check}
 */
const fields = (shape, alone = false) => (value, name) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw kind(value, name, 'an object');
  const known = Object.keys(shape).map((field) => field.replace('?', ''));
  const other = alone ? Object.keys(value).find((field) => !known.includes(field)) : undefined;
  if (other !== undefined) throw new TypeError(`${name} has no field ${shown(other)}: expected ${known.join(', ')}`);
  for (const [field, check] of Object.entries(shape)) {
    const bare = field.replace('?', '');
    if (bare === field || (value[bare] ?? null) !== null) check(value[bare], `${name}.${bare}`);
  }
};

/** @param {Check} one @param {Check} many @returns {Check} */
const oneOrMany = (one, many) => (value, name) => (Array.isArray(value) ? many : one)(value, name);

const { MAX_PROMPTS, MAX_PROMPT_CHARS, MAX_WEIGHT, MAX_TRANSITION_CHUNKS, MAX_TRACKS, MAX_TRACK_NUMBER, MAX_POINTS, MAX_GRID_SIDE } = LIMITS;
const { MAX_GRID_SPACING, MAX_POLYGONS, MAX_PAN, MAX_ZOOM, MAX_ROLL, MAX_STEP_CHUNKS, MAX_STEPS } = LIMITS;
const { MIN_SIDE, MAX_SIDE, MIN_FPS, MAX_FPS, MAX_CODECS, MAX_SEED } = LIMITS;

const side = whole(MIN_SIDE, MAX_SIDE);
const fps = number(MIN_FPS, MAX_FPS);
const place = number(COORDINATE_MIN, COORDINATE_MAX);
const spot = listOf(place, 2, 2);
const touches = listOf(spot, 0, MAX_TOUCHES);
const point = { x: number(), y: number(), 'visible?': flag };
const pointsWith = (/** @type {Record<string, Check>} */ t) => oneOrMany(fields({ ...point, ...t }), listOf(fields({ ...point, ...t }), 1, MAX_POINTS));

/** @type {Check} */
const words = (value, name) => {
  text(value, name);
  const long = [...value].length; // as the server counts: an emoji is one
  if (!long || long > MAX_PROMPT_CHARS) throw new RangeError(`${name} has ${long} characters: expected 1 to ${MAX_PROMPT_CHARS}`);
  if (isBlank(value)) throw new RangeError(`${name} is ${shown(value)}: expected a text that is not empty, and more than spaces`);
};
const weighted = fields({ text: words, 'weight?': number(0, MAX_WEIGHT, { above: true }) });
const grid = fields({ rows: whole(1, MAX_GRID_SIDE), cols: whole(1, MAX_GRID_SIDE), spacing: number(0, MAX_GRID_SPACING, { above: true }) });

/** What each argument of a stream is, by its name. */
export const checks = {
  /** @type {Check} */
  prompt: (value, name) => {
    if (typeof value === 'string') words(value, name);
    else if (typeof value === 'object' && value !== null) oneOrMany(weighted, listOf(weighted, 1, MAX_PROMPTS))(value, name);
    else throw kind(value, name, 'a text, {text, weight}, or a list of these');
  },
  prompting: fields({ 'transition?': fields({ chunks: whole(0, MAX_TRANSITION_CHUNKS), 'method?': oneOf('linear', 'slerp') }) }, true),
  points: pointsWith({ 't?': number() }),
  path: pointsWith({ t: number(0) }),
  taking: fields({ 'grid?': grid, 'region?': listOf(listOf(spot, 3), 1, MAX_POLYGONS), 'add?': touches, 'remove?': touches }, true),
  kind: oneOf('drag', 'pin', 'path'),
  kinds: listOf(oneOf('drag', 'pin', 'path')),
  track: whole(0, MAX_TRACK_NUMBER),
  camera: fields(
    {
      'mode?': oneOf('velocity', 'target'),
      'pan?': listOf(number(-MAX_PAN, MAX_PAN), 2, 2),
      'zoom?': number(-MAX_ZOOM, MAX_ZOOM),
      'roll?': number(-MAX_ROLL, MAX_ROLL),
    },
    true,
  ),
  touch: fields({ x: place, y: place, 'add?': touches, 'remove?': touches }),
  source: fields({
    codec: oneOf('jpeg', 'h264'),
    width: side,
    height: side,
    fps,
    strength: number(0, 1),
    'use?': oneOf('picture', 'tracks'),
  }),
  /** @type {Check} */
  packet: (value, name) => {
    if (!(value instanceof ArrayBuffer)) throw kind(value, name, 'an ArrayBuffer');
    if (value.byteLength > LIMITS.MAX_FRAME_BYTES) throw new RangeError(`${name} has ${value.byteLength} bytes: expected at most ${LIMITS.MAX_FRAME_BYTES}`);
  },
  seconds: number(),
  chunk: whole(0),
  chunks: whole(1, MAX_STEP_CHUNKS),
  seed: whole(0, MAX_SEED),
  message: fields({ type: text }),
  settings: fields({
    'model?': text,
    'prompts?': listOf(weighted, 1, MAX_PROMPTS),
    'prompt?': words,
    'seed?': whole(0, MAX_SEED),
    'image?': text,
    'width?': side,
    'height?': side,
    'fps?': fps,
    'codecs?': listOf(text, 1, MAX_CODECS),
    'steps?': whole(1, MAX_STEPS),
    'paused?': flag,
    'tracks?': listOf(fields({}), 0, MAX_TRACKS),
    'resume?': text,
    'last_frame?': whole(-1),
  }),
  options: fields(
    {
      /** @type {Check} */
      'url?': (value, name) => {
        if (typeof value !== 'string' && typeof value !== 'function') throw kind(value, name, 'a string, or a function that gives one');
      },
      'watch?': flag,
    },
    true,
  ),
};
