import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Playout } from '../../web/playout.js';

const FPS = 16;
const FRAME_MS = 1000 / FPS;

/** Plays `arrivals` (ms, one list of frame indexes each) until `end`; returns [time, frame] of what was shown. */
function play(arrivals, end, playout = new Playout(FPS)) {
  const shown = [];
  const waiting = [...arrivals];
  for (let now = 0; now <= end; now += 4) {
    while (waiting.length > 0 && waiting[0][0] <= now) {
      for (const index of waiting.shift()[1]) playout.push({ pts: index / FPS, index }, now);
    }
    const frame = playout.next(now, () => {});
    if (frame) shown.push([now, frame.index]);
  }
  return shown;
}

const chunk = (number) => [0, 1, 2, 3].map((index) => number * 4 + index);

test('the first frame is shown at once and the others at their pace', () => {
  const shown = play([[40, chunk(0)]], 400);
  assert.deepEqual(shown.map(([, index]) => index), [0, 1, 2, 3]);
  assert.equal(shown[0][0], 40);
  for (let at = 1; at < 4; at += 1) assert.ok(Math.abs(shown[at][0] - 40 - at * FRAME_MS) <= 4);
});

test('chunks in time are played without a gap', () => {
  const shown = play([0, 1, 2, 3].map((number) => [number * 250, chunk(number)]), 1200);
  assert.equal(shown.length, 16);
  const gaps = shown.slice(1).map(([now], at) => now - shown[at][0]);
  assert.ok(Math.max(...gaps) <= FRAME_MS + 8, `gaps ${gaps}`);
});

test('a late chunk is shown at once, and its lateness is kept back in the report', () => {
  const playout = new Playout(FPS);
  const shown = play([[0, chunk(0)], [370, chunk(1)]], 640, playout);
  assert.deepEqual(shown[4], [372, 4]);
  assert.equal(playout.stalls, 1);
  assert.ok(Math.abs(playout.reserve(372) - 0.122) < 0.01);
  playout.push({ pts: 0.5, index: 8 }, 640);
  playout.push({ pts: 0.5625, index: 9 }, 640);
  assert.ok(playout.report(640).buffered < playout.buffered);
});

test('the reserve is forgotten when the network is good again', () => {
  const playout = new Playout(FPS);
  play([[0, chunk(0)], [400, chunk(1)]], 600, playout);
  assert.ok(playout.reserve(600) > 0.1);
  assert.ok(playout.reserve(40000) < 0.01);
});

test('before the first picture the place is that of the first frame, as in a branch that begins late', () => {
  const playout = new Playout(16);
  assert.deepEqual(playout.report(0), { pts: 0, buffered: 0 });
  playout.push({ pts: 3 }, 10);
  assert.deepEqual(playout.report(20), { pts: 3, buffered: 0.0625 });
});

test('an empty buffer reports the end of what came', () => {
  const playout = new Playout(FPS);
  play([[0, chunk(0)]], 500, playout);
  assert.deepEqual(playout.report(500), { pts: 0.25, buffered: 0 });
});

test('frames that come too slowly are played slowly, not in bursts', () => {
  const playout = new Playout(FPS);
  const shown = play(Array.from({ length: 24 }, (_, number) => [number * 500, chunk(number)]), 12000, playout);
  const late = shown.filter(([now]) => now > 6000);
  const gaps = late.slice(1).map(([now], at) => now - late[at][0]);
  assert.ok(Math.max(...gaps) < 260, `longest gap ${Math.max(...gaps)}`);
  assert.ok(playout.rate < 0.75);
});

test('a pause is no lateness', () => {
  const playout = new Playout(FPS);
  play([[0, chunk(0)]], 500, playout);
  playout.hold();
  playout.push({ pts: 0.25, index: 4 }, 5000);
  assert.equal(playout.next(5000, () => {}).index, 4);
  assert.equal(playout.stalls, 0);
  assert.equal(playout.reserve(5000), 0);
});

test('after a jump the clock starts anew', () => {
  const playout = new Playout(FPS);
  play([[0, chunk(10)]], 100, playout);
  const dropped = [];
  playout.flush((frame) => dropped.push(frame.index));
  assert.ok(dropped.length > 0);
  playout.push({ pts: 0.5, index: 8 }, 300);
  assert.equal(playout.next(300, () => {}).index, 8);
});

test('the position never runs past one frame after the picture', () => {
  const playout = new Playout(FPS);
  play([[0, chunk(0)]], 3000, playout);
  assert.equal(playout.position(3000), 0.25);
});

for (const rate of [0.75, 0.5]) {
  test(`chunks that are made at ${rate} of real time, which is told, are played at that rate and without a stop`, () => {
    const playout = new Playout(FPS);
    const every = 250 / rate;
    play([[0, chunk(0)], [250, chunk(1)]], 496, playout);
    playout.limit(rate, 496);
    const arrivals = Array.from({ length: 80 }, (_, at) => [500 + at * every + (at % 3) * 6, chunk(at + 2)]);
    const shown = [];
    for (let now = 500; now < 500 + 80 * every; now += 4) {
      while (arrivals.length > 0 && arrivals[0][0] <= now) arrivals.shift()[1].forEach((index) => playout.push({ pts: index / FPS, index }, now));
      const frame = playout.next(now, () => {});
      if (frame) shown.push(now);
    }
    const gaps = shown.slice(8).map((now, at) => now - shown[at + 7]);
    assert.ok(Math.max(...gaps) <= FRAME_MS / rate + 12, `gaps up to ${Math.max(...gaps)} ms`);
    assert.ok(playout.stalls <= 2, `${playout.stalls} stalls`);
    assert.ok(playout.buffered < 1, 'nor does it fall behind');
  });
}

test('playing gets faster again when all is made as it was', () => {
  const playout = new Playout(FPS);
  playout.limit(0.5, 0);
  assert.equal(playout.rate, 0.5);
  play([[0, chunk(0)], [500, chunk(1)]], 900, playout);
  assert.equal(playout.rate, 0.5);
  playout.limit(1, 900);
  const shown = play([4, 8, 12, 16].map((at) => [0, [0, 1, 2, 3].map((index) => 4 + at + index)]), 2000, playout);
  assert.ok(shown.length > 0 && playout.rate > 0.9);
});

test('however late a chunk was, no more than 0.4 s are kept back, and half of that six seconds later', () => {
  const playout = new Playout(FPS);
  play([[0, chunk(0)], [3000, chunk(1)]], 3000, playout);
  assert.ok(Math.abs(playout.reserve(3000) - 0.4) < 1e-9);
  assert.ok(Math.abs(playout.reserve(9000) - 0.2) < 1e-9);
});

test('frames that come at a quarter of their pace are played at no less than 0.4 of it, with stops', () => {
  const playout = new Playout(FPS);
  let slowest = 1;
  for (let now = 0; now < 16000; now += 4) {
    if (now % 1000 === 0) chunk(now / 1000).forEach((index) => playout.push({ pts: index / FPS, index }, now));
    slowest = Math.min(slowest, playout.rate);
    playout.next(now, () => {});
  }
  assert.equal(slowest, 0.4);
  assert.ok(playout.stalls > 3);
});

test('the pace comes back in about a second, not at once', () => {
  const playout = new Playout(FPS);
  playout.limit(0.5, 0);
  for (let index = 0; index < 64; index += 1) playout.push({ pts: index / FPS, index }, 0);
  playout.next(0, () => {});
  playout.limit(1, 1);
  let frames = 0;
  for (let now = 1; playout.rate < 1; now += 4) frames += playout.next(now, () => {}) ? 1 : 0;
  assert.ok(frames >= 11 && frames <= 16, `${frames} frames`);
});
