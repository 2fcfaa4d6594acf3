import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Acks } from '../../web/acks.js';
import { CameraControl } from '../../web/camera.js';

globalThis.requestAnimationFrame = (act) => (setTimeout(act), 1);
globalThis.cancelAnimationFrame = () => {};
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** A stream that is told of its camera, some of it a chunk too late. */
class Stream {
  acks = new Acks();
  chunk = 0;
  id = 0;
  pan = 0;
  offset = 0;
  late = [];
  inbox = [];

  camera({ pan }) {
    const id = ++this.id;
    this.inbox.push({ id, pan: pan[0], from: this.chunk + (this.late.shift() ? 1 : 0) });
    const ack = this.acks.add({ id });
    this.acks.queued(id, { chunk: this.chunk });
    return ack;
  }

  async make(control) {
    await settled();
    const due = this.inbox.filter(({ from }) => from <= this.chunk);
    this.inbox = this.inbox.filter(({ from }) => from > this.chunk);
    for (const { id, pan } of due) {
      this.pan = pan;
      this.acks.applied(id, { chunk: this.chunk, frame: this.chunk * 4 });
    }
    this.offset += this.pan;
    control.goOn(this.chunk++);
    await settled();
  }
}

for (const late of [[], [1], [0, 1], [0, 0, 1], [1, 0, 1], [0, 0, 1, 0, 1], [0, 0, 1, 1]]) {
  test(`a move that is made again goes as far as before, late: ${late}`, async () => {
    const [stream, control, moves] = [new Stream(), new CameraControl(), []];
    control.attach(stream);
    control.on('moved', (move) => moves.push(move));
    for (const [pan, chunks] of [[0.1, 1], [0.4, 3], [0, 1]]) {
      control.steer('hand', { pan: [pan, 0] });
      await settled();
      for (let i = 0; i < chunks; i++) await stream.make(control);
    }
    const far = stream.offset;
    assert.ok(Math.abs(far - 1.3) < 1e-9, String(far));
    const [move] = moves;
    stream.late = [...late];
    move.again();
    await settled();
    assert.ok(move.underWay);
    for (let i = 0; i < 14; i++) await stream.make(control);
    assert.ok(Math.abs(stream.offset - 2 * far) < 1e-3, `${stream.offset}`);
    assert.ok(!move.underWay && stream.pan === 0);
  });
}
