import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePacket } from '../../web/protocol.js';
import { framePacket, sentSize } from '../../web/source.js';

test('a frame of a source reads as a media packet', () => {
  const payload = Uint8Array.of(255, 216, 1, 2, 3);
  const packet = parsePacket(framePacket(payload.buffer, 1.25));
  assert.deepEqual([packet.codec, packet.key, packet.pts, packet.chunk], ['jpeg', true, 1.25, 0]);
  assert.deepEqual([...packet.payload], [...payload]);
});

test('a video keeps its shape and is no larger than the stream shows', () => {
  const stream = { width: 320, height: 192 };
  assert.deepEqual(sentSize({ width: 1280, height: 720 }, stream), { width: 342, height: 192 });
  assert.deepEqual(sentSize({ width: 720, height: 1280 }, stream), { width: 320, height: 568 });
  assert.deepEqual(sentSize({ width: 160, height: 90 }, stream), { width: 160, height: 90 });
});
