/**
 * What happens to the stream, told to the person: banner, lamp, toasts, timeline, and which buttons can be pressed.
 * @module
 */
import { hideBanner, pictureCame, showBanner, status } from './banner.js';
import { block, button, remember, remembered } from './dom.js';
import { clearHint, invite, painted } from './hint.js';
import { offer } from './offer.js';
import { offersFor } from './prompt_panel.js';
import { toast, toastError } from './toasts.js';
import { isSilent, parts, wordsFor } from './words.js';

/** Chunks that the strip goes back; the server can go back to any. */
const REWIND_CHUNKS = 240;
/** Who waits no longer than this needs no word for it. */
const WAITED_MS = 800;
const RESTARTED = 'The model had to be restarted. The stream goes on by itself in a moment.';
/** The message may lie over the panel whose button does that. */
const ENDED = { text: 'Its video and its file can still be saved for a while.', action: { label: 'Save the video', run: () => button('download').click() } };

/**
 * @typedef {object} Page
 * @property {import('../app.js').App} app
 * @property {import('./stage.js').Stage} stage
 * @property {import('./tool_strip.js').ToolStrip} strip
 * @property {import('./prompt_panel.js').PromptPanel} prompts
 * @property {import('./timeline.js').Timeline} timeline
 * @property {import('./readout.js').Readout} readout
 * @property {import('./session_panel.js').SessionPanel} session
 * @property {import('./recorder.js').Recorder} recorder
 * @property {() => (() => void) | null} again starts the last stream once more; null when there was none
 * @property {() => string | null} invitation what to do first with the picture that was chosen; empty for nothing in particular, null for nothing
 * @property {() => boolean} ofPicture whether the stream is of a picture
 * @property {() => void} askForKey
 */

/** @param {Page} page */
export function bindEvents(page) {
  bindLife(page);
  bindJumps(page);
  bindPicture(page);
  bindTrouble(page);
  bindBrush(page);
}

/** @param {Page} page @param {'empty' | 'playing' | 'watching'} mode */
function setMode({ app, session }, mode) {
  document.body.dataset.mode = mode;
  steerable(false);
  session.enable(false, mode === 'empty' && app.session !== null);
  button('stop').disabled = mode !== 'playing';
  showPaused(app, false);
}

/** @param {boolean} able whether there is a stream that hears what it is told */
function steerable(able) {
  for (const id of ['play', 'reset', 'clear', 'branch']) button(id).disabled = !able;
}

/** @param {import('../app.js').App} app @param {boolean} paused */
function showPaused(app, paused) {
  const { replaying } = app;
  button('step').disabled = !paused || replaying;
  block('paused-mark').hidden = !paused || replaying || app.watching; // it tells who paints what to do, and stands where the viewer's mark does
  button('play').setAttribute('aria-label', paused ? 'Go on' : 'Pause');
  block('play').querySelector('use')?.setAttribute('href', `web/icons.svg#${paused ? 'play' : 'pause'}`);
  if (app.stream?.state !== 'live') return;
  if (replaying) status('Replaying', 'live');
  else status(paused ? 'Paused' : 'Live', paused ? 'wait' : 'live');
}

/** Back to the empty page. @param {Page} page */
function leave(page) {
  page.recorder.end().catch(toastError);
  page.prompts.streaming(false);
  clearStage(page);
  setMode(page, 'empty');
  const at = document.activeElement;
  const lost = !at || at === document.body || at.matches(':disabled') || !at.checkVisibility() || page.stage.surface.contains(at);
  if (!lost) return;
  button('photo-choose').focus({ preventScroll: true }); // keys begin there again, and a phone shows it
  page.stage.bringIntoView('start');
}

/** Nothing is told of a stream that was. @param {Page} page */
function clearStage(page) {
  page.prompts.effective('');
  showClock(0);
  clearHint();
  page.timeline.clear();
  page.readout.clear();
}

/** A stream begins, pauses, is lost, ends. @param {Page} page */
function bindLife(page) {
  const { app } = page;
  let fresh = true;
  app.on('starting', () => {
    page.recorder.end().catch(toastError); // of the stream before
    fresh = true;
    clearStage(page);
    page.prompts.begun();
    const chosen = block('welcome').contains(document.activeElement);
    setMode(page, app.watching ? 'watching' : 'playing');
    if (chosen) page.stage.surface.focus({ preventScroll: true }); // where the keys paint
    page.stage.bringIntoView(); // what was pressed may lie far below it
    status('Starting…', 'wait');
    showBanner('Starting…');
  });
  app.on('ready', (ready) => {
    showReady(page, ready, fresh);
    fresh = false;
  });
  app.on('state', (state) => {
    if (state !== 'reconnecting') return;
    status('Reconnecting…', 'wait');
    showBanner('The connection was lost. Trying again; the stream is kept for a minute.', { label: 'Try now', run: () => app.stream?.reconnectNow() });
  });
  app.on('paused', (paused) => showPaused(app, paused));
  app.on('ended', () => {
    leave(page);
    hideBanner();
    status('Ready', 'idle');
    if (app.session) untilNext(app, toast('The session has ended', ENDED));
  });
}

/** The stream goes back, or stands. @param {Page} page */
function bindJumps(page) {
  const { app } = page;
  app.on('still', () => {
    hideBanner();
    page.session.enable(!app.watching, true);
  });
  app.on('cut', ({ chunk, pts, prompts }) => {
    showClock(pts);
    page.timeline.cut(chunk);
    page.recorder.cut(chunk);
    if (prompts) page.prompts.stand(prompts);
    const picture = page.timeline.pictureOf(chunk); // at once, until the whole one is there
    if (picture && app.stream?.paused) app.player.preview(picture);
  });
}

/** A message about a stream that ended goes when the next one begins. @param {import('../app.js').App} app @param {() => void} takeAway */
function untilNext(app, takeAway) {
  const stop = app.on('starting', () => {
    stop();
    takeAway();
  });
}

/**
 * @param {Page} page
 * @param {import('../protocol.js').Ready} ready
 * @param {boolean} fresh whether the stream is new, not resumed
 */
function showReady({ app, stage, strip, prompts, timeline, session, recorder, ofPicture }, ready, fresh) {
  const seconds = ready.chunk_frames / ready.fps;
  stage.shape(ready.width, ready.height);
  strip.allow(ready.capabilities);
  prompts.streaming(!app.watching, seconds);
  prompts.chips(offersFor(ready, ofPicture()));
  for (const { prompt, message } of ready.notices ?? []) if (prompt !== undefined) prompts.doubt(prompt, parts(message).title);
  if (fresh) {
    prompts.come(ready.prompts ?? []);
    const able = !app.watching && ready.capabilities.rewind !== false;
    timeline.start({ seconds, span: REWIND_CHUNKS, able });
    recorder.start(seconds);
    showBanner(Number(app.stream?.lastFrame) < 0 ? 'Making the first picture…' : 'Going on with the stream…');
    sayWhyJpeg(ready);
  } else hideBanner();
  block('viewer-mark').hidden = !app.watching;
  steerable(!app.watching);
  if (!fresh) session.enable(!app.watching, true);
  showPaused(app, app.stream?.paused ?? false);
}

/** @param {number} seconds of the stream */
function showClock(seconds) {
  block('clock').textContent = `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(1).padStart(4, '0')}`;
}

/** Frames and chunks as they come. @param {Page} page */
function bindPicture(page) {
  const { app, prompts, timeline, readout, session, recorder } = page;
  let waiting = true;
  app.on('starting', () => (waiting = true));
  app.on('shown', ({ chunk, pts }) => {
    if (waiting) {
      waiting = false;
      hideBanner();
      session.enable(!app.watching, true); // before, nothing is kept of it
      const invited = page.invitation();
      if (!app.watching && invited !== null && (invited || !remembered('painted'))) invite(invited);
    }
    timeline.at(chunk);
    recorder.shown(chunk);
    showClock(pts);
  });
  app.on('thumb', ({ chunk, bitmap }) => timeline.picture(chunk, bitmap));
  app.on('chunk', (chunk) => {
    const ready = app.stream?.ready;
    if (ready) readout.chunk(chunk, ready.chunk_frames / ready.fps);
    prompts.effective(chunk.prompt);
    if (!waiting && app.stream?.state === 'live') {
      pictureCame();
      showPaused(app, app.stream.paused);
    }
  });
}

/** Waiting, notices, errors. @param {Page} page */
function bindTrouble(page) {
  const { app } = page;
  let restarted = false;
  for (const event of /** @type {const} */ (['starting', 'chunk'])) app.on(event, () => (restarted = false));
  const queued = inAWhile(app, (/** @type {{position: number, size: number}} */ { position, size }) => {
    status(`Waiting, ${position} of ${size}`, 'wait');
    if (!restarted) showBanner(`All places are taken. You are number ${position} of ${size} in the queue; it starts by itself.`);
    else if (size > 1) showBanner(`${RESTARTED} You are number ${position} of ${size} who wait for it.`);
  });
  app.on('queue', queued);
  app.on('stalled', () => {
    status('Waiting…', 'wait');
    showBanner('No pictures are coming: the server is slow, or the connection is gone. It goes on by itself.');
  });
  app.on('recovering', () => {
    restarted = true;
    status('Recovering…', 'wait');
    showBanner(RESTARTED);
  });
  app.on('notice', ({ code, message, prompt }) => {
    if (isSilent(code)) return;
    const { title, text } = parts(message);
    if (prompt !== undefined) page.prompts.doubt(prompt, title);
    if (prompt === undefined || !app.watching) toast(title, { text }); // who looks on cannot write another
  });
  app.on('trouble', toastError);
  app.on('failed', (error) => {
    const { title, text } = wordsFor(error);
    leave(page);
    hideBanner();
    status(title, 'off');
    if (error.code === 'unauthorized') {
      page.askForKey();
      return;
    }
    const again = page.again();
    untilNext(app, again ? offer(title, { text, kind: 'error', label: 'Start again', later: 'Start the last stream again', run: again }) : toast(title, { text, kind: 'error' }));
  });
}

/**
 * Tells the newest of what comes, once it has held for a moment: a stream that was left makes place at once for the next one.
 * @template T
 * @param {import('../app.js').App} app
 * @param {(news: T) => void} tell
 * @returns {(news: T) => void}
 */
function inAWhile(app, tell) {
  /** @type {{news: T, told: boolean, timer: ReturnType<typeof setTimeout>} | null} */
  let waits = null;
  for (const event of /** @type {const} */ (['starting', 'ready', 'failed', 'ended'])) {
    app.on(event, () => {
      clearTimeout(waits?.timer);
      waits = null;
    });
  }
  return (news) => {
    if (waits) waits.news = news;
    else {
      const began = { news, told: false, timer: setTimeout(() => ((began.told = true), tell(began.news)), WAITED_MS) };
      waits = began;
    }
    if (waits.told) tell(news);
  };
}

/** What was painted: marks on the timeline, and the hint that goes with the first stroke. @param {Page} page */
function bindBrush({ app, timeline }) {
  app.brush.on('erased', ({ strokes }) => {
    if (strokes.length === 0) toast('There is no pin or path here', { text: 'The eraser lets go of those. What is in the picture stays in it.' });
  });
  app.camera.on('began', (chunk) => timeline.mark(chunk, 'camera'));
  app.brush.on('began', ({ kind, beginChunk }) => {
    if (beginChunk !== null) timeline.mark(beginChunk, kind);
    if (painted()) remember('painted', true);
  });
}

/** @param {import('../protocol.js').Ready} ready */
function sayWhyJpeg(ready) {
  if (ready.codec !== 'jpeg' || remembered('jpeg')) return;
  remember('jpeg', true);
  const why = isSecureContext
    ? 'This browser has no video decoder for pages (WebCodecs).'
    : 'This page is not opened by https or on localhost, so the browser lends it no video decoder.';
  toast('Pictures come one by one (JPEG)', { text: `${why} It looks the same and needs more bandwidth.` });
}
