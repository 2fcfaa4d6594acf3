/**
 * Plays a session file on a paused stream: each control goes out before the chunk that saw it first, then chunks are
 * made up to the next one.
 * @module
 */

/**
 * @typedef {import('./stream.js').Stream} Stream
 * @typedef {Record<string, any> & {type: string, chunk: number}} LoggedControl
 * @typedef {{flowbrush: number, model: string, start: Record<string, any>, controls: LoggedControl[], chunks: number}} SessionFile
 */

/** Chunks asked for at once: few enough that taking over is not waited for. */
const STEP_CHUNKS = 8;
const START_FIELDS = ['prompts', 'prompt', 'seed', 'width', 'height', 'fps', 'steps', 'tracks'];

/**
 * A session file as read, checked as far as this page uses it. Throws an Error that says what is wrong.
 * @param {any} file
 * @returns {SessionFile}
 */
export function checkSessionFile(file) {
  if (file?.flowbrush !== 1) throw new Error('this is no session file of version 1');
  if (typeof file.model !== 'string' || typeof file.start !== 'object') throw new Error('the session file names no model or start');
  const controls = file.controls ?? [];
  const sound = Array.isArray(controls) && controls.every((each) => typeof each?.type === 'string' && Number.isInteger(each.chunk));
  if (!sound || !Number.isInteger(file.chunks) || file.chunks < 0) throw new Error('the session file has no sound controls or chunks');
  const { image } = file.start;
  if (typeof image === 'string' && !image.startsWith('data:')) {
    throw new Error(`the session starts from the file ${image}, which a page cannot read: use flowbrush render for it`);
  }
  return { ...file, controls };
}

/**
 * The settings of `session.start` that a file gives, without its image.
 * @param {SessionFile} file
 * @returns {import('./protocol.js').StartSettings}
 */
export function startOf({ model, start }) {
  const kept = Object.entries(start).filter(([field, value]) => START_FIELDS.includes(field) && value !== null);
  return { ...Object.fromEntries(kept), model };
}

/**
 * The steps of a replay: controls to send, then how many chunks to make. Pure.
 * @param {SessionFile} file
 * @param {number} longest chunks made at once
 * @returns {{controls: LoggedControl[], chunks: number}[]}
 */
export function replaySteps({ controls, chunks }, longest) {
  const steps = [];
  let index = 0;
  for (let chunk = 0; chunk < chunks; ) {
    const due = [];
    while (index < controls.length && controls[index].chunk <= chunk) due.push(controls[index++]);
    const next = Math.min(chunks, controls[index]?.chunk ?? chunks, chunk + longest);
    steps.push({ controls: due, chunks: next - chunk });
    chunk = next;
  }
  return steps;
}

/**
 * The pins that hold at the end of a file. Pure.
 * @param {SessionFile} file
 * @returns {import('./kept.js').Pin[]}
 */
export function pinsOf({ start, controls }) {
  /** @type {Map<number, import('./kept.js').Pin>} */
  const pins = new Map();
  const begun = (start.tracks ?? []).map((/** @type {any} */ track) => ({ ...track, type: 'track.begin', chunk: 0 }));
  for (const { type, track, kind, kinds, points, chunk } of [...begun, ...controls]) {
    const at = points?.at(-1);
    if (type === 'track.begin' && kind === 'pin') pins.set(track, { track, x: at.x, y: at.y, chunk });
    else if (type === 'track.move' && pins.has(track)) Object.assign(/** @type {object} */ (pins.get(track)), { x: at.x, y: at.y });
    else if (type === 'track.end') pins.delete(track);
    else if (type === 'tracks.clear' && (kinds ?? ['pin']).includes('pin')) pins.clear();
  }
  return [...pins.values()];
}

/**
 * Replays a file on a stream that was started paused from the same settings. Ends when all chunks were made or
 * `signal` says so; throws the stream's error.
 * @param {Stream} stream
 * @param {SessionFile} file
 * @param {AbortSignal} signal
 */
export async function replay(stream, file, signal) {
  const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
  for (const { controls, chunks } of replaySteps(file, STEP_CHUNKS)) {
    if (signal.aborted) return;
    for (const { chunk: _, id: __, ...control } of controls) stream.control(control);
    await Promise.race([stream.step(chunks), aborted]);
  }
}
