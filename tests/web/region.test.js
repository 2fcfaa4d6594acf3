import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Acks } from '../../web/acks.js';
import { Playout } from '../../web/playout.js';
import { inside, simplified, trace } from '../../web/region.js';

const square = (from, to) => [[from, from], [to, from], [to, to], [from, to]];

test('a hole is not inside', () => {
  const region = [square(0.1, 0.9), square(0.4, 0.6)];
  assert.ok(inside(region, { x: 0.2, y: 0.5 }));
  assert.ok(!inside(region, { x: 0.5, y: 0.5 }));
  assert.ok(!inside(region, { x: 0.95, y: 0.5 }));
  assert.ok(!inside([], { x: 0.5, y: 0.5 }));
});

test('the outline of a mask is the mask', () => {
  const [width, height] = [64, 48];
  const truth = (x, y) => Math.hypot(x - 30, y - 24) < 18 && Math.hypot(x - 30, y - 24) > 7;
  const mask = Uint8Array.from({ length: width * height }, (_, at) => (truth(at % width, Math.floor(at / width)) ? 255 : 0));
  const region = trace(mask, width, height);
  assert.equal(region.length, 2, 'a ring has two outlines');
  let wrong = 0;
  mask.forEach((value, at) => {
    const place = { x: ((at % width) + 0.5) / width, y: (Math.floor(at / width) + 0.5) / height };
    if (inside(region, place) !== value > 127) wrong += 1;
  });
  assert.ok(wrong < 40, `${wrong} pixels are on the wrong side`);
});

test('a mask at the edge, specks, and corners that touch', () => {
  assert.deepEqual(trace(new Uint8Array(16), 4, 4), []);
  const full = trace(new Uint8Array(400).fill(255), 20, 20);
  assert.deepEqual(full.map((polygon) => polygon.length), [4]);
  const speck = new Uint8Array(400);
  speck[210] = 255;
  assert.deepEqual(trace(speck, 20, 20), []);
  const corners = new Uint8Array(400);
  for (let y = 0; y < 20; y += 1) for (let x = 0; x < 20; x += 1) if (x < 10 === y < 10) corners[y * 20 + x] = 255;
  const region = trace(corners, 20, 20);
  assert.ok(inside(region, { x: 0.25, y: 0.25 }) && inside(region, { x: 0.75, y: 0.75 }));
  assert.ok(!inside(region, { x: 0.75, y: 0.25 }) && !inside(region, { x: 0.25, y: 0.75 }));
});

test('no outline is longer than a message takes', () => {
  const side = 320;
  const mask = Uint8Array.from({ length: side * side }, (_, at) => (Math.sin(at % side) * Math.cos(at / side / 3) > 0 ? 255 : 0));
  const region = trace(mask, side, side);
  assert.ok(region.length <= 64 && region.flat().length <= 4096, `${region.length} with ${region.flat().length} points`);
});

test('what lies on a straight line is left out', () => {
  const ring = [[0, 0], [5, 0], [10, 0], [10, 10], [0, 10], [0, 5]];
  assert.equal(simplified(ring, 0.5).length, 4);
});

test('moves that wait are joined, and the newest message keeps its place', () => {
  const acks = new Acks();
  const move = (id, track, count) => ({ id, type: 'track.move', track, points: Array.from({ length: count }, (_, t) => ({ t, x: 0, y: 0 })) });
  acks.add(move(1, 7, 400));
  assert.equal(acks.join(move(0, 8, 1)), null, 'another track');
  assert.equal(acks.join(move(0, 7, 500)).id, 1);
  assert.equal(acks.join(move(0, 7, 200)), null, 'one message takes a thousand');
  acks.add(move(2, 7, 200));
  assert.equal(acks.join(move(0, 7, 1)).id, 2);
  acks.markSent(2);
  assert.equal(acks.join(move(0, 7, 1)), null, 'that one is on its way');
  assert.deepEqual(acks.unconfirmed().map(({ points }) => points.length), [900, 201]);
});

test('frames that cannot be shown count as come', () => {
  const playout = new Playout(16);
  playout.push({ pts: 0 }, 0);
  playout.next(0, () => {});
  for (let frame = 1; frame <= 8; frame += 1) playout.lose(frame / 16);
  playout.next(100, () => {});
  assert.deepEqual(playout.report(200), { pts: 9 / 16, buffered: 0 });
});
