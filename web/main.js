/**
 * Wires the page together. What things do is in the modules; this is only who tells whom.
 * @module
 */
import { App } from './app.js';
import { Overlay } from './overlay.js';
import { Painter } from './painter.js';
import { reach, Rest } from './rest.js';
import { Selection } from './selection.js';
import { Starter } from './starter.js';
import { makeTools, takes } from './tools.js';
import { hideBanner, showOpening, status } from './ui/banner.js';
import { openBranch, pictureOfBranch } from './ui/branch_tab.js';
import { bindCameraPad, bindWheel } from './ui/camera_pad.js';
import { block, button, dialog, element, input } from './ui/dom.js';
import { bindEvents } from './ui/events.js';
import { tellOfTool, toolUsed } from './ui/hint.js';
import { bindHistory } from './ui/history_panel.js';
import { bindImages, sayWhatIsCut } from './ui/image_panel.js';
import { bindKeys, openHelp } from './ui/keys.js';
import { examplesOf, PromptPanel } from './ui/prompt_panel.js';
import { offerWayBack } from './ui/offer.js';
import { Readout } from './ui/readout.js';
import { Recorder } from './ui/recorder.js';
import { bindSelection } from './ui/selection_panel.js';
import { SessionPanel } from './ui/session_panel.js';
import { SourcePanel } from './ui/source_panel.js';
import { bindSpeech } from './ui/speech.js';
import { Stage } from './ui/stage.js';
import { bindTheme } from './ui/theme.js';
import { Timeline } from './ui/timeline.js';
import { toast, toastError } from './ui/toasts.js';
import { mirrorSliders, ToolStrip } from './ui/tool_strip.js';
import { inMessage, onButton, twice } from './ui/twice.js';
import { address, loadPhotos, loadScenes, showCards, showCredits, showPrivacy } from './ui/welcome.js';

const rest = new Rest();
const app = new App(element('picture', HTMLCanvasElement), rest);
const readout = new Readout();
const prompts = new PromptPanel((list, transition) => {
  if (app.stream) {
    app.prompt({ list, transition });
    if (app.stream.paused) toast('The prompt is taken', { text: 'The picture follows it when the stream goes on: press Play, or make a chunk.' });
  } else starter.begin({ prompts: list });
});
const timeline = new Timeline(goBack);
app.on('prompted', (chunk) => timeline.mark(chunk, 'prompt'));
const stage = new Stage((width, height) => overlay.resize(width, height));
const selection = new Selection(app.prober);
const tools = makeTools({ brush: app.brush, camera: app.camera, prober: app.prober, selection }, () => strip.options);
const painter = new Painter(stage.surface, {
  tool: () => (app.watching ? null : tools[strip.current]),
  toFrame: (x, y) => stage.toFrame(x, y),
  onHover: (place) => app.prober.look(takes(strip.current) ? place : null),
});
const strip = new ToolStrip((tool, does) => {
  painter.releaseAll();
  app.prober.look(null);
  block('stage').className = `stage tool-${tool}`;
  tellOfTool(tool, does);
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
  outlined: () => [
    ...(selection.empty ? [] : [{ region: selection.region, style: /** @type {const} */ ('chosen') }]),
    ...(app.prober.outline ? [{ ...app.prober.outline, style: /** @type {const} */ ('hint') }] : []),
  ],
  drawing: () => selection.drawing,
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
  stop: (click) => (Number(app.stream?.lastFrame) < 0 ? app.stop() : ending.ask(click)), // before its first picture nothing can be lost
});
const recorder = new Recorder({
  session: () => (app.stream && !app.watching ? app.session : null),
  mark: (id) => rest.mark(id),
  save: (id, first, last) => session.saveClip(id, first, last),
});

/** Scenes on the empty page. */
const SCENES = 8;
/** @type {import('./rest.js').ModelInfo[]} */
let models = [];
let branching = false;
const scenePictures = loadScenes();
const galleryPhotos = loadPhotos();

const starter = new Starter(app, { model: currentModel, models: async () => (models.length ? models : rest.models()), seed: () => session.takeSeed(), showSeed: (seed) => session.showSeed(seed), prompts, left: offerWayBack });

const startingOver = twice(
  inMessage({ title: 'Start over? Press again to do so', text: 'What was made so far is gone then, and its video with it.', label: 'Start over' }),
  () => app.reset(),
);
const ending = twice(
  onButton(button('stop'), 'Press again to end it', 'It cannot go on then. Its video and its file can still be saved for a while.'),
  () => app.stop(),
);
for (const event of /** @type {const} */ (['starting', 'ended', 'failed'])) {
  app.on(event, () => {
    startingOver.forget();
    ending.forget();
  });
}

/** A scene was picked: it is made from its words. @param {{text: string}} scene */
function beginScene({ text }) {
  prompts.text = text;
  prompts.apply();
}

/** @param {Blob | Promise<Blob>} image @param {string} [invitation] */
async function beginFrom(image, invitation) {
  if (currentModel()?.capabilities.image === false) {
    Promise.resolve(image).catch(() => {}); // nobody waits for it
    toast('This model starts from words alone', { text: 'Choose another model at the top, or describe a scene.', kind: 'error' });
    return;
  }
  try {
    showOpening('Opening the picture…');
    if (!(await starter.fromPicture(image, invitation))) return;
    if (app.stream?.ready) await sayWhatIsCut(await image, app.stream.ready);
  } catch (error) {
    hideBanner();
    toastError(error);
  }
}

/** @param {import('./ui/welcome.js').Photo} photo */
function beginPhoto({ file, invite }) {
  dialog('image-dialog').close();
  prompts.text = '';
  const load = async () => (await reach(address(file))).blob();
  return beginFrom(load(), invite);
}

/** @param {any} file */
async function loadSession(file) {
  try {
    showOpening('Opening the session…');
    if (await starter.replay(file)) toast('The session was replayed', { text: 'It is paused at its end: paint, then press Play to go on from here.' });
  } catch (error) {
    hideBanner();
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
  await openBranch(app.branch(chunk), timeline.pictureOf(chunk));
}

/** @param {boolean} on */
function setBranching(on) {
  branching = on;
  button('branch').setAttribute('aria-pressed', String(on));
  timeline.does = on ? 'open a new tab from here' : 'continue from here';
}

function currentModel() {
  return models.find(({ name }) => name === element('model', HTMLSelectElement).value);
}

bindEvents({ app, stage, strip, prompts, timeline, readout, session, recorder, again: () => starter.again, invitation: () => starter.invitation, ofPicture: () => starter.ofPicture, askForKey });
bindSelection(selection, app);
stage.surface.addEventListener('pointerdown', toolUsed);
bindSpeech(app.brush);
/** Hands let go of whatever they are at. */
const letGo = () => (painter.releaseAll(), app.camera.letGo());
const ways = bindHistory(app, letGo);

for (const [id, run] of /** @type {[string, (click: MouseEvent) => void][]} */ ([
  ['play', () => app.togglePause()],
  ['step', () => app.step()],
  ['reset', (click) => startingOver.ask(click)],
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
    { keys: ['r'], text: 'start over: press it twice', run: () => !button('reset').disabled && startingOver.ask() },
    { keys: ['d'], text: 'drag', run: () => strip.choose('drag') },
    { keys: ['a'], text: 'select an area', run: () => strip.choose('select') },
    { keys: ['p'], text: 'pin', run: () => strip.choose('pin') },
    { keys: ['l'], text: 'path (line)', run: () => strip.choose('path') },
    { keys: ['g'], text: 'grid', run: () => strip.choose('grid') },
    { keys: ['c'], text: 'camera', run: () => strip.choose('camera') },
    { keys: ['e'], text: 'eraser', run: () => strip.choose('eraser') },
    { keys: ['Enter'], text: 'play paths; press at the crosshair', run: () => playDrafts() || painter.pressCrosshair() },
    { keys: ['z'], text: 'undo (Ctrl Z too)', run: ways.undo },
    { keys: ['y', 'Shift+z'], text: 'redo (Ctrl Y, Ctrl Shift Z)', run: ways.redo },
    { keys: ['x'], text: 'remove all tracks', run: ways.clear },
    { keys: ['Escape'], shown: 'Esc', text: 'let go', run: () => (letGo(), painter.hideCrosshair(), selection.clear()) },
    { keys: ['/'], text: 'write a prompt', run: () => prompts.focus() },
    { keys: ['b'], text: 'branch on the timeline', run: () => app.stream && setBranching(!branching) },
    { keys: ['s'], text: 'save a picture', run: () => app.stream && button('snapshot').click() },
    { keys: ['v'], text: 'record; again to save the video', run: () => app.stream && button('record').click() },
    { keys: ['f'], text: 'full screen', run: () => stage.toggleFullscreen() },
    { keys: ['?'], text: 'this help', run: openHelp },
  ],
  { painter, camera: app.camera, stage: stage.surface, cameraInHand: () => strip.current === 'camera' },
);
bindTheme();
element('model', HTMLSelectElement).addEventListener('change', showModel);
app.on('ready', ({ model }) => {
  if (currentModel()?.name === model || !models.some(({ name }) => name === model)) return;
  element('model', HTMLSelectElement).value = model;
  showModel();
});
app.on('starting', () => {
  setBranching(false);
  // Who looked on and begins a stream of their own is not led back by the address.
  if (!app.watching && location.search) history.replaceState(null, '', location.pathname);
});
bindImages((image) => beginFrom(image), (file) => session.open(file));
const follow = new SourcePanel(app, () => {
  const can = currentModel()?.capabilities ?? {};
  return { source: can.source === true, source_tracks: can.source_tracks === true };
});
showPrivacy();
window.addEventListener('pagehide', () => {
  letGo();
  starter.leave();
});
bindCameraPad(app.camera);
bindWheel(stage.surface, app.camera, () => app.brush.session !== null && strip.current === 'camera');
mirrorSliders();
setInterval(showFigures, 250);

function showFigures() {
  const { report } = app.player;
  if (!app.stream || !report) return;
  const { fps, waiting } = report;
  readout.show({ latency: app.latency, fps, waiting, rtt: app.stream.roundTripMs });
}

function askForKey() {
  status('This server asks for a key', 'off');
  block('key-wrong').hidden = rest.key === null;
  dialog('key-dialog').showModal();
  input('api-key').select();
}

element('key-form', HTMLFormElement).addEventListener('submit', () => {
  rest.key = input('api-key').value.trim();
  boot();
});

/** Asks the server what it has and shows it; then does what the address says. */
async function boot() {
  const query = new URLSearchParams(location.search);
  const hash = new URLSearchParams(location.hash.slice(1));
  const token = hash.get('resume');
  showPhotos(true); // most models take them: nobody waits for the server to say so
  try {
    models = await rest.models();
    status('Ready', 'idle');
    const watched = query.get('watch');
    if (watched) await app.watch(watched);
    const select = element('model', HTMLSelectElement);
    select.replaceChildren(...models.map(modelOption));
    select.value = models.find(({ loaded }) => loaded !== false)?.name ?? '';
    await showModel();
    if (watched || starter.chosen) return;
    if (token) {
      history.replaceState(null, '', location.pathname);
      const frame = Number(hash.get('last_frame') ?? -1);
      const picture = await pictureOfBranch();
      const stop = app.on('ready', () => (stop(), picture && app.player.preview(picture)));
      await app.start({ resume: token, last_frame: Number.isInteger(frame) ? Math.max(frame, -1) : -1 });
    } else await starter.goOn();
  } catch (error) {
    if (/** @type {{code?: string}} */ (error).code === 'unauthorized') askForKey();
    else {
      status('The server cannot be reached', 'off');
      toastError(error);
    }
  }
}

/** One that the server has not loaded is named, but cannot be chosen. @param {import('./rest.js').ModelInfo} model */
function modelOption({ name, title, loaded }) {
  const option = new Option(title ?? name, name);
  option.disabled = loaded === false;
  return option;
}

/** A stream that plays keeps its own: what is chosen then is for the next one. */
async function showModel() {
  const model = currentModel();
  if (!model) return;
  if (!app.stream) {
    stage.shape(model.width, model.height);
    strip.allow(model.capabilities);
  }
  follow.allow();
  const pictures = await scenePictures;
  const scenes = examplesOf(model.examples).map((each) => ({ ...each, image: each.image ?? pictures[each.text] ?? null }));
  const pictured = scenes.filter(({ image }) => image);
  showCards('preset-cards', (pictured.length > 2 ? pictured : scenes).slice(0, SCENES), beginScene);
  await showPhotos(model.capabilities.image !== false);
}

/** Whether the photos are shown; null before that was decided. @type {boolean | null} */
let photosShown = null;

/** @param {boolean} able whether streams begin with pictures here */
async function showPhotos(able) {
  if (able === photosShown) return;
  photosShown = able;
  const photos = able ? await galleryPhotos : [];
  const cards = photos.map((photo) => ({ ...photo, text: photo.invite, image: address(photo.small) }));
  for (const id of ['photo-cards', 'gallery']) showCards(id, cards, beginPhoto);
  showCredits(photos);
}

boot();
