import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History } from '../../web/history.js';

const deed = (log, name, strokes = [{}]) => ({
  strokes,
  undo: async () => (log.push(`undo ${name}`), `undone ${name}`),
  redo: async () => (log.push(`redo ${name}`), `redone ${name}`),
});

test('the newest is taken back first, and made again last', async () => {
  const log = [];
  const history = new History();
  history.did(deed(log, 'a'));
  history.did(deed(log, 'b'));
  await Promise.all([history.undo(), history.undo(), history.redo(), history.redo()]);
  assert.deepEqual(log, ['undo b', 'undo a', 'redo a', 'redo b']);
  assert.equal(await history.redo(), null);
});

test('something new ends what could be made again', async () => {
  const history = new History();
  history.did(deed([], 'a'));
  assert.equal(await history.undo(), 'undone a');
  assert.ok(history.redoable);
  history.did(deed([], 'b'));
  assert.ok(!history.redoable);
});

test('one that cannot be taken back stays, and does not stop the next try', async () => {
  const history = new History();
  let fails = true;
  history.did({ ...deed([], 'a'), undo: () => (fails ? Promise.reject(new Error('no')) : Promise.resolve('undone')) });
  await assert.rejects(history.undo(), /no/);
  assert.ok(history.undoable && !history.redoable);
  fails = false;
  assert.equal(await history.undo(), 'undone');
});

test('what is done while something is being taken back is the newest', async () => {
  const history = new History();
  let go = () => {};
  history.did({ ...deed([], 'a'), undo: () => new Promise((resolve) => (go = () => resolve('undone a'))) });
  const undone = history.undo();
  await Promise.resolve();
  history.did(deed([], 'b'));
  go();
  await undone;
  assert.ok(!history.redoable);
  assert.equal(await history.undo(), 'undone b');
  assert.ok(!history.undoable);
});

test('a jump takes what it takes out of every deed, but not out of the one that asked for it', async () => {
  const [kept, gone] = [{}, {}];
  const history = new History();
  const both = deed([], 'both', [kept, gone]);
  history.did(both);
  history.did(deed([], 'gone', [gone]));
  history.did({ ...deed([], 'asking', [gone]), undo: async () => (history.keep((stroke) => stroke === kept), 'undone') });
  await history.undo();
  assert.ok(history.redoable);
  assert.deepEqual(both.strokes, [kept]);
  assert.equal(await history.undo(), 'undone both');
  assert.ok(!history.undoable);
});

test('of another stream nothing is left', async () => {
  const history = new History();
  history.did(deed([], 'a'));
  history.did(deed([], 'b'));
  await history.undo();
  history.forget();
  assert.ok(!history.undoable && !history.redoable);
});
