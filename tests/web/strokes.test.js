import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldOutline } from '../../web/held_outline.js';
import { LatencyMeter } from '../../web/latency.js';
import { parsePacket, wirePoint } from '../../web/protocol.js';
import { checkSessionFile, replaySteps, startOf } from '../../web/replay.js';
import { similarity } from '../../web/similarity.js';
import { TrackLife } from '../../web/track_life.js';
import { distanceTo, gridOffsets, pathPoints, positionAt, Stroke } from '../../web/tracks.js';

const line = (...points) => points.map(([x, y, t]) => ({ x, y, t, pressure: 0.5, id: 0 }));

test('a path keeps the pace of the hand and starts at 0', () => {
  const points = pathPoints(line([0, 0, 3], [0.1, 0, 3.9], [0.9, 0, 4]), { speed: 1, loop: false });
  assert.equal(points[0].t, 0);
  assert.ok(Math.abs(points.at(-1).t - 1) < 1e-9);
  const { x } = positionAt(points, 0.9);
  assert.ok(Math.abs(x - 0.1) < 0.01, 'slow at first, then quick');
});

test('speed divides the time', () => {
  const points = pathPoints(line([0, 0, 0], [1, 0, 2]), { speed: 4, loop: false });
  assert.ok(Math.abs(points.at(-1).t - 0.5) < 1e-9);
});

test('an open path loops back and forth, a closed one goes round', () => {
  const open = pathPoints(line([0, 0, 0], [1, 0, 1]), { speed: 1, loop: true });
  assert.ok(Math.abs(positionAt(open, 1.5).x - 0.5) < 0.05);
  assert.ok(Math.abs(positionAt(open, 2).x) < 0.05);
  const closed = pathPoints(line([0, 0, 0], [1, 0, 0.5], [0.5, 1, 1], [0, 0, 1.5]), { speed: 1, loop: true });
  assert.ok(Math.abs(positionAt(closed, 2).x - 1) < 0.08, 'the second round is like the first');
});

test('no path is longer than a message takes, and its times grow', () => {
  for (const seconds of [0.01, 0.3, 7, 200]) {
    const points = pathPoints(line([0, 0, 0], [1, 1, seconds]), { speed: 1, loop: true });
    assert.ok(points.length <= 1000, `${points.length} points`);
    assert.ok(points.every(({ t }, at) => at === 0 || t > points[at - 1].t));
  }
});

test('a path that goes on begins where it stood, and makes the rest of its way', () => {
  const stroke = new Stroke('path');
  stroke.follow(line([0, 0, 0], [0.4, 0, 1], [0.4, 0.8, 3]));
  stroke.skipped = 2;
  assert.deepEqual(stroke.start, { x: 0.4, y: 0.4 });
  assert.deepEqual(stroke.rest, [{ x: 0.4, y: 0.4, t: 0 }, { x: 0.4, y: 0.8, t: 1 }]);
  assert.deepEqual(stroke.at(0, 9), { x: 0.4, y: 0.4 }, 'where its hand is before it is shown');
  stroke.skipped = 3;
  assert.equal(stroke.rest.length, 1, 'a way that is over has an end');
  stroke.skipped = 0;
  assert.equal(stroke.rest.length, 3);
});

test('the eraser measures to the line, in frame heights', () => {
  const stroke = new Stroke('path');
  stroke.samples = line([0.2, 0.5, 0], [0.8, 0.5, 1]);
  assert.ok(Math.abs(distanceTo(stroke, { x: 0.5, y: 0.6 }, 2) - 0.1) < 1e-9);
  assert.ok(Math.abs(distanceTo(stroke, { x: 0.9, y: 0.5 }, 2) - 0.2) < 1e-9);
});

test('a grid is centred on its point', () => {
  const stroke = new Stroke('drag', { rows: 3, cols: 2, spacing: 0.1 });
  const spots = gridOffsets(stroke, { x: 0.5, y: 0.5 });
  assert.equal(spots.length, 6);
  const mean = spots.reduce((sum, { x, y }) => [sum[0] + x / 6, sum[1] + y / 6], [0, 0]);
  assert.ok(Math.abs(mean[0] - 0.5) < 1e-9 && Math.abs(mean[1] - 0.5) < 1e-9);
});

test('latency counts from the event to the first frame that shows it', () => {
  const meter = new LatencyMeter();
  meter.sent(1, 100);
  meter.sent(2, 110);
  meter.shown(0, 150);
  assert.equal(meter.count, 0);
  meter.shown(2, 300);
  assert.equal(meter.count, 2);
  assert.equal(meter.percentile(0.5), 200);
});

test('points are bounded and rounded for the wire', () => {
  assert.deepEqual(wirePoint({ t: 1.234567, x: 7, y: -0.123456789 }), { t: 1.2346, x: 2, y: -0.12346 });
});

test('packets that are cut short are refused in words', () => {
  assert.throws(() => parsePacket(new ArrayBuffer(10)), /header alone has 32/);
  const wrong = new ArrayBuffer(40);
  new DataView(wrong).setUint8(0, 1);
  assert.throws(() => parsePacket(wrong), /the header says 0 bytes, 8 came/);
});

test('a session file is replayed in steps, each control before the chunk that saw it', () => {
  const control = (chunk) => ({ type: 'tracks.clear', chunk });
  const file = { flowbrush: 1, model: 'm', start: { prompt: 'p', codecs: ['h264'], seed: 3 }, controls: [0, 0, 5].map(control), chunks: 14 };
  const steps = replaySteps(checkSessionFile(file), 8);
  assert.deepEqual(steps.map(({ controls, chunks }) => [controls.length, chunks]), [[2, 5], [1, 8], [0, 1]]);
  assert.deepEqual(startOf(file), { prompt: 'p', seed: 3, model: 'm' });
  assert.throws(() => checkSessionFile({ flowbrush: 2 }), /no session file of version 1/);
});

test('a session file that starts from an image in its folder is refused with what to do', () => {
  const file = { flowbrush: 1, model: 'm', start: { prompt: 'p', image: 'first.png' }, controls: [], chunks: 1 };
  assert.throws(() => checkSessionFile(file), /first\.png.*flowbrush render/);
});

/** A hand that came down at the first place and is at the last one in every frame that shows control 1. */
const hand = (...places) => {
  const stroke = new Stroke('drag');
  stroke.samples = places.map(([x, y], index) => ({ x, y, t: 0, pressure: 0.5, id: index }));
  return stroke;
};
const near = (polygon, expected) =>
  polygon.forEach(([x, y], index) => assert.ok(Math.hypot(x - expected[index][0], y - expected[index][1]) < 1e-9, `${polygon}`));

test('two hands turn and scale, one shifts', () => {
  const from = [{ x: 0.4, y: 0.5 }, { x: 0.6, y: 0.5 }];
  const quarter = similarity(from, [{ x: 0.5, y: 0.3 }, { x: 0.5, y: 0.7 }], 2);
  near([quarter([0.4, 0.5]), quarter([0.6, 0.5]), quarter([0.5, 0.5])], [[0.5, 0.3], [0.5, 0.7], [0.5, 0.5]]);
  near([quarter([0.5, 0.4])], [[0.55, 0.5]]); // a frame twice as wide as high: what was above is now to the right
  near([similarity([from[0]], [{ x: 0.5, y: 0.6 }], 2)([0.1, 0.1])], [[0.2, 0.2]]);
});

test('the outline of a thing goes with every hand that holds it, and stays as it is when one lets go', () => {
  const square = [[[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]]];
  const [first, second] = [hand([0.4, 0.4], [0.3, 0.3]), hand([0.6, 0.6], [0.7, 0.7])];
  const [before, after] = [{ id: 0, pts: 0, aspect: 1 }, { id: 1, pts: 0, aspect: 1 }];
  const held = new HeldOutline(square, first, first.samples[0]);
  assert.ok(held.is([[[0.41, 0.4], [0.61, 0.4], [0.61, 0.6], [0.41, 0.6]]], before));
  assert.ok(!held.is([[[0.5, 0.5], [0.7, 0.5], [0.7, 0.7], [0.5, 0.7]]], before), 'another thing that it covers');
  held.join(second, square, before);
  const twice = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]];
  near(held.outline(after)[0], twice);
  held.leave(second, after);
  near(held.outline(after)[0], twice);
  assert.equal(held.hands, 1);
});

test('a hand that is sooner than the answer of the server is let go again, too', async () => {
  const never = new Promise(() => {});
  let begun = (/** @type {any} */ _) => {};
  let released = 0;
  const track = {
    ack: { id: 1, queued: new Promise((resolve) => (begun = resolve)), applied: never },
    release: () => ({ id: (released += 1) + 1, queued: Promise.resolve({ chunk: 8 }), applied: never }),
  };
  const life = new TrackLife();
  life.attach({ ready: { chunk_frames: 4, fps: 16 } });
  const stroke = new Stroke('drag');
  stroke.samples = line([0.5, 0.5, 0]);
  life.begin(stroke, track, 'live', 0);
  life.end(stroke);
  begun({ chunk: 5 });
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual([life.rewound(8), released], [[], 1], 'it is over there');
  assert.deepEqual([life.rewound(6), released], [[], 2], 'and held here');
  assert.deepEqual([life.rewound(4), released], [[], 2], 'but not yet here');
});
