import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parts, promptsOf } from '../../web/ui/words.js';

test('a notice says what is so in its title, and what follows below', () => {
  assert.deepEqual(parts("this model was not trained on 'a: b': it is left out"), {
    title: "This model was not trained on 'a: b'",
    text: 'It is left out.',
  });
  assert.deepEqual(parts('the stream goes on'), { title: 'The stream goes on.', text: '' });
  assert.deepEqual(parts("the session's log waits: the disk is full").title, "The session's log waits");
});

test('words from right to left stay within their quotes', () => {
  const { title, text } = parts("this model was not trained on 'كلب', 'a dog': it is left out");
  assert.equal(title, "This model was not trained on '\u2068كلب\u2069', 'a dog'");
  assert.equal(text, 'It is left out.');
});

test('a line of what is in force is taken apart into its prompts', () => {
  assert.ok(!promptsOf('it is foggy').includes('fog'), 'what is doubted of one word is not doubted of another that has it inside');
  assert.ok(promptsOf('a cat → it is foggy (50%)').includes('it is foggy'));
  assert.deepEqual(promptsOf('a cat (25%) + a dog (75%)').slice(1), ['a cat', 'a dog']);
  assert.ok(promptsOf('one + one').includes('one + one'));
});
