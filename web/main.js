/**
 * Wires the page together. What things do is in the modules; this is only who tells whom.
 * @module
 */
import { App } from './app.js';
import { Overlay } from './overlay.js';
import { Painter } from './painter.js';
import { Rest } from './rest.js';
import { makeTools } from './tools.js';
import { hideBanner, showBanner, status } from './ui/banner.js';
import { bindCameraPad, bindWheel } from './ui/camera_pad.js';
import { block, button, dialog, element, input, remember, remembered } from './ui/dom.js';
import { bindImages } from './ui/image_panel.js';
import { bindKeys, openHelp } from './ui/keys.js';
import { examplesOf, PromptPanel } from './ui/prompt_panel.js';
import { Readout } from './ui/readout.js';
import { SessionPanel } from './ui/session_panel.js';
import { Stage } from './ui/stage.js';
import { bindTheme } from './ui/theme.js';
import { Timeline } from './ui/timeline.js';
import { toast, toastError } from './ui/toasts.js';
import { mirrorSliders, ToolStrip } from './ui/tool_strip.js';
import { loadGallery, showCards } from './ui/welcome.js';
import { wordsFor } from './ui/words.js';

const rest = new Rest();
const app = new App(element('picture', HTMLCanvasElement), rest);
const readout = new Readout();
const prompts = new PromptPanel((list, transition) => {
  if (app.stream) app.stream.setPrompt(list, { transition }).queued.then(({ chunk }) => timeline.mark(chunk, 'prompt'), toastError);
  else begin({ prompts: list });
});
const timeline = new Timeline(goBack);
const stage = new Stage((width, height) => overlay.resize(width, height));
const tools = makeTools(app.brush, app.camera, () => strip.options);
const painter = new Painter(stage.surface, {
  tool: () => (app.watching ? null : tools[strip.current]),
  toFrame: (x, y) => stage.toFrame(x, y),
});
const strip = new ToolStrip((tool) => {
  painter.releaseAll();
  block('stage').className = `stage tool-${tool}`;
});
const overlay = new Overlay(element('overlay', HTMLCanvasElement), {
  strokes: () => app.brush.strokes,
  queuedId: () => app.brush.queuedId,
  shownId: () => app.brush.shownId,
  pts: () => app.player.position(),
  crosshair: () => painter.crosshair ?? null,
  cursor: () => {
    if (strip.current !== 'grid' || !painter.hover || !app.brush.session) return null;
    return { ...painter.hover, grid: strip.options, colour: 'drag' };
  },
  faded: (stroke) => app.brush.strokes.delete(stroke),
});
const session = new SessionPanel({
  snapshot: () => app.player.snapshot(),
  session: () => app.session,
  fetch: (path) => rest.fetch(path),
  get needsKey() {
    return rest.key !== null;
  },
  load: (file) => loadSession(file),
  stop: () => app.stop(),
});

/** @type {import('./rest.js').ModelInfo[]} */
let models = [];
/** @type {import('./protocol.js').StartSettings | null} */
let lastStart = null;
let branching = false;
let framesShown = 0;

/**
 * Starts a stream with what the page's fields say, and what is given.
 * @param {Partial<import('./protocol.js').StartSettings>} settings
 */
async function begin(settings) {
  lastStart = { model: element('model', HTMLSelectElement).value, seed: session.takeSeed(), ...settings };
  await app.start(lastStart);
}

/** @param {import('./ui/prompt_panel.js').Example} example */
async function beginWith({ text }) {
  prompts.text = text;
  prompts.apply();
}

/** @param {Blob} image */
async function beginFromImage(image) {
  const list = prompts.prompts.length > 0 ? prompts.prompts : [{ text: examplesOf(currentModel()?.examples ?? [])[0]?.text ?? 'a photo', weight: 1 }];
  try {
    const id = await rest.uploadImage(image);
    app.stop();
    await begin({ prompts: list, image: id });
  } catch (error) {
    toastError(error);
  }
}

/** @param {any} file */
async function loadSession(file) {
  try {
    const done = app.replay(file);
    prompts.text = file.start?.prompts?.[0]?.text ?? file.start?.prompt ?? '';
    await done;
    if (app.stream) toast('The session was replayed', { text: 'It is paused at its end: paint, then press Space to go on from here.' });
  } catch (error) {
    toastError(error);
  }
}

/** @param {number} chunk */
async function goBack(chunk) {
  if (!branching) {
    await app.rewind(chunk);
    return;
  }
  setBranching(false);
  const tab = window.open('about:blank', '_blank');
  try {
    const address = await app.branch(chunk);
    if (tab) tab.location.href = address;
    else toast('The browser kept the new tab closed', { text: 'Allow this page to open tabs, then try again.', kind: 'error' });
  } catch (error) {
    tab?.close();
    toastError(error);
  }
}

/** @param {boolean} on */
function setBranching(on) {
  branching = on;
  button('branch').setAttribute('aria-pressed', String(on));
}

function currentModel() {
  return models.find(({ name }) => name === element('model', HTMLSelectElement).value);
}

/** @param {'empty' | 'playing' | 'watching'} mode */
function setMode(mode) {
  document.body.dataset.mode = mode;
  const live = mode === 'playing';
  for (const id of ['play', 'step', 'reset', 'clear', 'branch']) button(id).disabled = !live;
  button('step').disabled = true;
  session.enable(live, app.session !== null);
  showPaused(false);
  updateUndo();
}

/** @param {boolean} paused */
function showPaused(paused) {
  button('step').disabled = !paused;
  block('paused-mark').hidden = !paused;
  button('play').setAttribute('aria-label', paused ? 'Go on' : 'Pause');
  block('play').querySelector('use')?.setAttribute('href', `/web/icons.svg#${paused ? 'play' : 'pause'}`);
  if (app.stream?.state === 'live') status(paused ? 'Paused' : 'Live', paused ? 'wait' : 'live');
}

function updateUndo() {
  button('undo').disabled = !app.brush.undoable;
}

function undo() {
  const what = app.brush.undo();
  if (what && what !== 'drag') toast(`Took back the ${what}`);
}

app.on('starting', () => {
  framesShown = 0;
  timeline.clear();
  readout.clear();
  setMode(app.watching ? 'watching' : 'playing');
  status('Starting…', 'wait');
  showBanner('Starting…');
});
app.on('ready', (ready) => {
  const chunkSeconds = ready.chunk_frames / ready.fps;
  const { rewind } = ready.capabilities;
  stage.shape(ready.width, ready.height);
  strip.allow(ready.capabilities);
  prompts.streaming(!app.watching, chunkSeconds);
  prompts.chips(examplesOf(ready.examples));
  if (framesShown === 0) {
    timeline.start({ seconds: chunkSeconds, span: ready.limits?.rewind_chunks ?? 240, able: !app.watching && rewind !== false });
    showBanner('Making the first picture…');
    sayWhyJpeg(ready);
  } else hideBanner();
  block('viewer-mark').hidden = !app.watching;
  session.enable(!app.watching, true);
  status(app.stream?.paused ? 'Paused' : 'Live', app.stream?.paused ? 'wait' : 'live');
});
app.on('shown', ({ chunk, pts }) => {
  framesShown += 1;
  if (framesShown === 1) {
    hideBanner();
    if (!app.watching && !remembered('painted')) block('hint').hidden = false;
  }
  timeline.at(chunk);
  block('clock').textContent = `${Math.floor(pts / 60)}:${(pts % 60).toFixed(1).padStart(4, '0')}`;
});
app.on('thumb', ({ chunk, bitmap }) => timeline.picture(chunk, bitmap));
app.on('chunk', (chunk) => {
  const ready = app.stream?.ready;
  if (ready) readout.chunk(chunk, ready.chunk_frames / ready.fps);
  prompts.effective(chunk.prompt);
  if (framesShown > 0) hideBanner();
});
app.on('queue', ({ position, size }) => {
  status(`Waiting, ${position} of ${size}`, 'wait');
  showBanner(`All places are taken. You are number ${position} of ${size} in the queue; it starts by itself.`);
});
app.on('state', (state) => {
  if (state !== 'reconnecting') return;
  status('Reconnecting…', 'wait');
  showBanner('The connection was lost. Trying again; nothing of the stream is lost.', { label: 'Try now', run: () => app.stream?.reconnectNow() });
});
app.on('recovering', () => {
  status('Recovering…', 'wait');
  showBanner('The model had to be restarted. The stream goes on by itself in a moment.');
});
app.on('paused', showPaused);
app.on('cut', (chunk) => {
  if (chunk < 0) timeline.cut(-1);
  else timeline.cut(chunk);
});
app.on('notice', ({ message }) => toast(message));
app.on('trouble', toastError);
app.on('ended', () => {
  leave();
  hideBanner();
  status('Ready to start', 'idle');
  if (app.session) toast('The session has ended', { text: 'Its video and its file can still be saved for a while.' });
});
app.on('failed', (error) => {
  const { title, text } = wordsFor(error);
  leave();
  status(title, 'off');
  if (error.code === 'unauthorized') askForKey();
  toast(title, { text, kind: 'error', action: lastStart ? { label: 'Start again', run: () => lastStart && app.start(lastStart) } : undefined });
});

/** Back to the empty page. */
function leave() {
  prompts.streaming(false);
  prompts.effective('');
  block('hint').hidden = true;
  timeline.clear();
  setMode('empty');
}

/** @param {import('./protocol.js').Ready} ready */
function sayWhyJpeg(ready) {
  if (ready.codec !== 'jpeg' || remembered('jpeg')) return;
  remember('jpeg', true);
  const why = isSecureContext
    ? 'This browser has no video decoder for pages (WebCodecs).'
    : 'This page is not opened by https or on localhost, so the browser lends it no video decoder.';
  toast('Pictures come one by one (JPEG)', { text: `${why} It looks the same and needs more bandwidth.` });
}

app.brush.on('changed', updateUndo);
app.brush.on('began', ({ kind, beginChunk }) => {
  if (beginChunk !== null) timeline.mark(beginChunk, kind);
  if (block('hint').hidden) return;
  block('hint').hidden = true;
  remember('painted', true);
});
app.brush.on('undrag', ({ beginChunk }) => {
  if (beginChunk === null || beginChunk < 1) return;
  app.rewind(beginChunk - 1);
  toast('Went back to before the drag');
});

for (const [id, run] of /** @type {[string, () => void][]} */ ([
  ['play', () => app.togglePause()],
  ['step', () => app.step()],
  ['reset', () => app.reset()],
  ['undo', undo],
  ['clear', () => app.brush.clear()],
  ['branch', () => setBranching(!branching)],
  ['fullscreen', () => stage.toggleFullscreen()],
  ['help-open', openHelp],
])) button(id).addEventListener('click', run);
strip.onPlay(() => playDrafts());

function playDrafts() {
  return app.brush.playDrafts(strip.options) > 0;
}

bindKeys(
  [
    { keys: [' '], shown: 'Space', text: 'pause or go on', run: () => app.togglePause() },
    { keys: ['.'], text: 'while paused: one chunk', run: () => app.step() },
    { keys: ['r'], text: 'start over', run: () => app.reset() },
    { keys: ['d'], text: 'drag', run: () => strip.choose('drag') },
    { keys: ['p'], text: 'pin', run: () => strip.choose('pin') },
    { keys: ['l'], text: 'path (line)', run: () => strip.choose('path') },
    { keys: ['g'], text: 'grid', run: () => strip.choose('grid') },
    { keys: ['c'], text: 'camera', run: () => strip.choose('camera') },
    { keys: ['e'], text: 'eraser', run: () => strip.choose('eraser') },
    { keys: ['Enter'], text: 'play paths; press at the crosshair', run: () => playDrafts() || painter.pressCrosshair() },
    { keys: ['z'], text: 'undo', run: undo },
    { keys: ['x'], text: 'remove all tracks', run: () => app.brush.clear() },
    { keys: ['Escape'], shown: 'Esc', text: 'let go', run: () => (painter.releaseAll(), painter.hideCrosshair()) },
    { keys: ['/'], text: 'write a prompt', run: () => prompts.focus() },
    { keys: ['b'], text: 'branch on the timeline', run: () => app.stream && setBranching(!branching) },
    { keys: ['s'], text: 'save a picture', run: () => app.stream && button('snapshot').click() },
    { keys: ['f'], text: 'full screen', run: () => stage.toggleFullscreen() },
    { keys: ['?'], text: 'this help', run: openHelp },
  ],
  { painter, camera: app.camera, stage: stage.surface, cameraInHand: () => strip.current === 'camera' },
);
bindTheme();
bindImages(beginFromImage);
bindCameraPad(app.camera);
bindWheel(stage.surface, app.camera, () => app.brush.session !== null && strip.current === 'camera');
mirrorSliders();
setInterval(showFigures, 250);

function showFigures() {
  const { report } = app.player;
  if (!app.stream || !report) return;
  const { fps, waiting } = report;
  readout.show({ latency: app.latency.percentile(0.5), fps, waiting, rtt: app.stream.roundTripMs });
}

function askForKey() {
  dialog('key-dialog').showModal();
}

element('key-form', HTMLFormElement).addEventListener('submit', () => {
  rest.key = input('api-key').value.trim();
  open();
});

/** Asks the server what it has and shows it; then does what the address says. */
async function open() {
  const query = new URLSearchParams(location.search);
  const token = new URLSearchParams(location.hash.slice(1)).get('resume');
  try {
    const watched = query.get('watch');
    if (watched) {
      await app.watch(watched);
      return;
    }
    models = await rest.models();
    const select = element('model', HTMLSelectElement);
    select.replaceChildren(...models.map(({ name, title }) => new Option(title ?? name, name)));
    select.addEventListener('change', showModel);
    await showModel();
    if (token) {
      history.replaceState(null, '', location.pathname);
      await app.start({ resume: token });
    }
  } catch (error) {
    if (/** @type {{code?: string}} */ (error).code === 'unauthorized') askForKey();
    else {
      status('The server cannot be reached', 'off');
      toastError(error);
    }
  }
}

async function showModel() {
  const model = currentModel();
  if (!model) return;
  stage.shape(model.width, model.height);
  strip.allow(model.capabilities);
  const gallery = await loadGallery();
  const examples = examplesOf(model.examples).map((each) => ({ ...each, image: each.image ?? gallery[each.text] ?? null }));
  showCards('preset-cards', examples.slice(0, 6), beginWith);
  const pictured = examples.filter(({ image }) => image);
  showCards('gallery', pictured, async ({ image, text }) => {
    dialog('image-dialog').close();
    prompts.text = text;
    beginFromImage(await (await fetch(String(image))).blob());
  });
}

open();
