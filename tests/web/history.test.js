import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, LATER } from '../../web/history.js';

const settled = () => new Promise((resolve) => setTimeout(resolve));
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

const moving = () => ({ underWay: true });

test('what comes again waits until what came again before it is over', async () => {
  const log = [];
  const history = new History();
  const [first, second, third] = [moving(), moving(), moving()];
  for (const [name, stroke] of [['a', first], ['b', second], ['c', third]]) {
    history.did(deed(log, name, [stroke]));
    stroke.underWay = false; // each was over before the next one
  }
  for (let each = 0; each < 3; each += 1) await history.undo();
  log.length = 0;
  first.underWay = true;
  assert.equal(await history.redo(), 'redone a');
  assert.equal(await history.redo(), LATER);
  assert.equal(await history.redo(), LATER);
  assert.ok(!history.redoable);
  history.goOn();
  await settled();
  assert.deepEqual(log, ['redo a']);
  first.underWay = false;
  second.underWay = true;
  history.goOn();
  history.goOn();
  await settled();
  assert.deepEqual(log, ['redo a', 'redo b']);
  assert.equal(await history.undo(), 'It is not done again');
  second.underWay = false;
  history.goOn();
  await settled();
  assert.deepEqual(log, ['redo a', 'redo b']);
  assert.ok(history.redoable && history.undoable);
});

test('what was done while something was under way comes again while it is', async () => {
  const log = [];
  const history = new History();
  history.did(deed(log, 'a', [moving()]));
  history.did(deed(log, 'b'));
  await history.undo();
  assert.equal(await history.redo(), 'redone b');
});

test('who does something new waits for nothing', async () => {
  const log = [];
  const history = new History();
  const stroke = { underWay: false };
  history.did(deed(log, 'a', [stroke]));
  history.did(deed(log, 'b'));
  await history.undo();
  await history.undo();
  stroke.underWay = true;
  await history.redo();
  assert.equal(await history.redo(), LATER);
  history.did(deed(log, 'c'));
  stroke.underWay = false;
  history.goOn();
  await settled();
  assert.deepEqual(log, ['undo b', 'undo a', 'redo a']);
});

test('one that fails when its time has come is told', async () => {
  const history = new History();
  const stroke = { underWay: false };
  const failed = [];
  history.on('failed', (error) => failed.push(error.message));
  history.did(deed([], 'a', [stroke]));
  history.did({ ...deed([], 'b'), redo: () => Promise.reject(new Error('no')) });
  await history.undo();
  await history.undo();
  stroke.underWay = true;
  await history.redo();
  await history.redo();
  stroke.underWay = false;
  history.goOn();
  await settled();
  assert.deepEqual(failed, ['no']);
  assert.ok(history.redoable);
});
