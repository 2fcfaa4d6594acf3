import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, Stream } from '../../web/flowbrush.js';

const URL = 'ws://127.0.0.1:1/v1/stream';

/** A stream that is not open yet, with what it was about to send. */
function stream() {
  const sent = [];
  const made = new Stream({ prompt: 'a fox' }, { url: URL });
  const { control } = made;
  made.control = (message) => {
    const ack = control.call(made, message);
    sent.push(message);
    return ack;
  };
  return { made, sent };
}

const spot = { x: 0.5, y: 0.5 };
const path = [{ t: 0, x: 0, y: 0 }, { t: 1, x: 1, y: 1 }];
const grid = { rows: 3, cols: 4, spacing: 0.1 };
const triangle = [[0.1, 0.1], [0.2, 0.1], [0.2, 0.2]];
const source = { codec: 'jpeg', width: 320, height: 192, fps: 16, strength: 0.6 };

/** What is called, how it ends, and what it says of that. */
const WRONG = [
  [(s) => s.setPrompt(3), TypeError, 'prompt is 3: expected a text, {text, weight}, or a list of these'],
  [(s) => s.setPrompt('x'.repeat(2001)), RangeError, 'prompt has 2001 characters: expected 1 to 2000'],
  [(s) => s.setPrompt(''), RangeError, 'prompt has 0 characters: expected 1 to 2000'],
  [(s) => s.setPrompt([]), RangeError, 'prompt has 0 entries: expected 1 to 8'],
  [(s) => s.setPrompt([{ text: 'a', weight: 0 }]), RangeError, 'prompt[0].weight is 0: expected a number above 0, at most 100'],
  [(s) => s.setPrompt('a', { transition: { chunks: 2.5 } }), TypeError, 'options.transition.chunks is 2.5: expected a whole number from 0 to 256'],
  [(s) => s.setPrompt('a', { transition: { chunks: 2, method: 'cubic' } }), TypeError, `method is "cubic": expected 'linear' or 'slerp'`],
  [(s) => s.setPrompt('a', { chunks: 4 }), TypeError, 'options has no field "chunks": expected transition'],
  [(s) => s.drag(), TypeError, 'points is undefined: expected an object'],
  [(s) => s.drag([0.5, 0.5]), TypeError, 'points[0] is 0.5: expected an object'],
  [(s) => s.drag({ x: '0.5', y: 0.5 }), TypeError, 'points.x is "0.5": expected a number'],
  [(s) => s.drag({ x: 0.5, y: NaN }), RangeError, 'points.y is NaN: expected a number'],
  [(s) => s.drag({ ...spot, visible: 1 }), TypeError, 'points.visible is 1: expected true or false'],
  [(s) => s.drag(spot, { regoin: [triangle] }), TypeError, 'options has no field "regoin": expected grid, region, add, remove'],
  [(s) => s.drag(spot, { grid: { ...grid, rows: 17 } }), RangeError, 'options.grid.rows is 17: expected a whole number from 1 to 16'],
  [(s) => s.pin(spot, { region: [triangle.slice(1)] }), RangeError, 'options.region[0] has 2 entries: expected at least 3'],
  [(s) => s.pin(spot, { add: [[0.5, 3]] }), RangeError, 'options.add[0][1] is 3: expected a number from -1 to 2'],
  [(s) => s.path([spot]), TypeError, 'points[0].t is undefined: expected a number from 0'],
  [(s) => s.path([]), RangeError, 'points has 0 entries: expected 1 to 1024'],
  [(s) => s.adopt(1, 'drag').move('left'), TypeError, 'points is "left": expected an object'],
  [(s) => s.adopt(-1, 'drag'), RangeError, 'number is -1: expected a whole number from 0 to 2147483647'],
  [(s) => s.camera({ zoom: 5 }), RangeError, 'camera.zoom is 5: expected a number from -4 to 4'],
  [(s) => s.camera({ pan: 0.5 }), TypeError, 'camera.pan is 0.5: expected a list'],
  [(s) => s.camera({ tilt: 1 }), TypeError, 'camera has no field "tilt": expected mode, pan, zoom, roll'],
  [(s) => s.camera(), TypeError, 'camera is undefined: expected an object'],
  [(s) => s.clearTracks('pin'), TypeError, 'kinds is "pin": expected a list'],
  [(s) => s.control('track.end'), TypeError, 'message is "track.end": expected an object'],
  [(s) => s.playhead('0', 0), TypeError, 'pts is "0": expected a number'],
  [(s) => s.beginSource({ ...source, strength: 2 }), RangeError, 'source.strength is 2: expected a number from 0 to 1'],
  [(s) => s.beginSource({ ...source, codec: 'vp8' }), TypeError, `source.codec is "vp8": expected 'jpeg' or 'h264'`],
  [(s) => s.sourceFrame(new Uint8Array(3)), TypeError, 'packet is an object: expected an ArrayBuffer'],
  [(s) => s.sourceFrame(new ArrayBuffer(4194305)), RangeError, 'packet has 4194305 bytes: expected at most 4194304'],
  [(s) => s.on('packet'), TypeError, 'the listener of packet is undefined: expected a function'],
  [() => new Stream(), TypeError, 'settings is undefined: expected an object'],
  [() => new Stream({ prompt: 3 }), TypeError, 'settings.prompt is 3: expected a string'],
  [() => new Stream({ seed: -1 }), RangeError, 'settings.seed is -1: expected a whole number from 0'],
  [() => new Stream({ codecs: 'h264' }), TypeError, 'settings.codecs is "h264": expected a list'],
  [() => new Stream({}, { url: 8000 }), TypeError, 'options.url is 8000: expected a string, or a function that gives one'],
  [() => new Stream({}, { uri: URL }), TypeError, 'options has no field "uri": expected url, watch'],
];

for (const [call, kind, says] of WRONG) {
  test(`told before it is sent: ${says}`, () => {
    const { made, sent } = stream();
    assert.throws(() => call(made), (error) => {
      assert.ok(error instanceof kind, String(error));
      assert.ok(error.message.endsWith(says) || error.message.startsWith(says), error.message);
      assert.ok(!error.message.includes('\n'));
      return true;
    });
    assert.deepEqual(sent, []);
  });
}

test('what gives a promise rejects it', async () => {
  const { made } = stream();
  await assert.rejects(made.step(0), { name: 'RangeError', message: 'chunks is 0: expected a whole number from 1 to 256' });
  await assert.rejects(made.rewind('3'), { name: 'TypeError', message: 'chunk is "3": expected a whole number from 0' });
  await assert.rejects(made.reset(1.5), { name: 'TypeError' });
  await assert.rejects(made.probe({ x: 3, y: 0 }), { name: 'RangeError', message: 'touch.x is 3: expected a number from -1 to 2' });
  await assert.rejects(connect({ width: '320' }, { url: URL }), { name: 'TypeError', message: 'settings.width is "320": expected a whole number from 32 to 4096' });
});

const UNSEEN = ['   ', '\t\n', '\u00a0\u3000', '\u200b\u200d\ufeff', '\u2800', '\u3164\u115f', '\ufe0f', '\u{e0041}', '\x00'];

test('a prompt that shows nothing is told before it is sent', () => {
  const { made, sent } = stream();
  for (const text of UNSEEN) {
    assert.throws(() => made.setPrompt([{ text: 'a', weight: 1 }, { text, weight: 1 }]), {
      name: 'RangeError',
      message: /^prompt\[1\]\.text is .*: expected a text that is not empty, and more than spaces$/s,
    });
  }
  assert.deepEqual(sent, []);
  for (const text of [' . ', '\u{1f98a}', '\u2764\ufe0f', '\u{f0000}', '\u0e33']) made.setPrompt(text);
  assert.equal(sent.length, 5);
});

test('what is null is left out', () => {
  const { made, sent } = stream();
  new Stream({ prompt: 'a fox', seed: null, codecs: null, paused: null }, { url: URL });
  made.setPrompt('a', { transition: null });
  made.camera({ pan: null, zoom: 1 });
  made.drag({ ...spot, t: null, visible: null }, { grid: null, add: null });
  assert.deepEqual(
    sent.map(({ type, track, ...fields }) => fields),
    [
      { prompts: [{ text: 'a', weight: 1 }] },
      { mode: 'velocity', pan: [0, 0], zoom: 1, roll: 0 },
      { kind: 'drag', points: [{ ...spot, t: 0 }] },
    ],
  );
});

test('what is right is sent as it is', async () => {
  const { made, sent } = stream();
  made.setPrompt([{ text: 'a', weight: 0.5 }, { text: 'b' }], { transition: { chunks: 4, method: 'slerp' } });
  made.drag({ x: 5, y: -9, pressure: 1 }, { grid, region: undefined }).move([spot, { ...spot, t: 1, visible: false }]);
  made.pin(spot, { region: [triangle], add: [[0.1, 0.2]], remove: [] });
  made.path(path);
  made.camera({ pan: [0.1, 0], roll: -360 });
  made.clearTracks(['pin', 'path']);
  made.clearTracks();
  made.setPrompt('🦊'.repeat(2000));
  made.beginSource(source);
  made.sourceFrame(new ArrayBuffer(3));
  made.playhead(0, 0);
  const kinds = ['prompt.set', 'track.begin', 'track.move', 'track.begin', 'track.begin', 'camera.set', 'tracks.clear', 'tracks.clear', 'prompt.set'];
  assert.deepEqual(sent.map(({ type }) => type), kinds);
  assert.deepEqual(sent[1].points, [{ t: 0, x: 2, y: -1 }], 'points that leave the frame too far are brought back');
  for (const asked of [made.step(), made.rewind(0), made.reset(), made.reset(7), made.probe(spot)]) {
    await assert.rejects(asked, { code: 'not_connected' });
  }
});
