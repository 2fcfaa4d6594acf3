import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stream } from '../../web/flowbrush.js';

/** A WebSocket that is open, to a server that says what it is told to say. */
class Socket {
  static OPEN = 1;

  readyState = 1;

  constructor() {
    Socket.last = this;
    queueMicrotask(() => this.onopen());
  }

  send() {}

  close() {}

  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
}

test('who waits for a control that a rewind took back hears of it', async () => {
  const before = globalThis.WebSocket;
  globalThis.WebSocket = Socket;
  try {
    const made = new Stream({ prompt: 'a fox', codecs: ['jpeg'] }, { url: 'ws://127.0.0.1:1/v1/stream' });
    const opened = made.open();
    await new Promise((resolve) => { setTimeout(resolve, 0); });
    Socket.last.say({ type: 'session.ready', session: 's', chunk_frames: 4, fps: 16 });
    await opened;
    const [taken, kept] = [made.setPrompt('a cat'), made.setPrompt('a dog')];
    Socket.last.say({ type: 'control.queued', id: taken.id, chunk: 1 });
    Socket.last.say({ type: 'notice', code: 'partly_shown', message: '', id: kept.id });
    Socket.last.say({ type: 'notice', code: 'control_discarded', message: 'it is not shown', id: taken.id });
    Socket.last.say({ type: 'control.applied', id: kept.id, chunk: 1, frame: 4 });
    await assert.rejects(taken.applied, { name: 'StreamError', code: 'control_discarded', message: 'it is not shown' });
    assert.equal((await kept.applied).frame, 4);
    Socket.last.onclose({ code: 1000, reason: '' });
  } finally {
    globalThis.WebSocket = before;
  }
});
