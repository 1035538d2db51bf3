import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonOf, runMq } from '../../support/mq.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

let vhost: RabbitmqVhost;
let target: readonly string[];

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  target = ['--url', vhost.mqUrl];
});
afterAll(() => vhost.remove());

test.each([
  '--help',
  'no exchange in exclusive use',
  '$(touch mq-was-here) `id`; \'"\\',
  '\u001b[31mred\u001b]0;title\u0007',
  'two words/glob*?[a-z]#hash%2F',
  '日本🙈\u202e',
  'ü'.repeat(127),
])('%j is a name like any other', { timeout: 60_000 }, async (name) => {
  expect(await runMq([...target, 'create', '--kind', 'quorum', '--', name])).toMatchObject({ code: 0 });
  expect(await runMq([...target, 'enqueue', '--', name, 'body'])).toMatchObject({ code: 0 });
  const shown = await runMq([...target, 'peek', '-o', 'ndjson', '--', name]);
  expect(shown).toMatchObject({ code: 0 });
  expect(JSON.parse(shown.stdout)).toMatchObject({ queue: name, body: 'body' });
  expect(await jsonOf<unknown>([...target, 'stats', '-o', 'json', '--', name])).toMatchObject([
    { queue: name, ready: 1 },
  ]);
  // For eyes: nothing that a terminal would obey.
  const table = await runMq([...target, 'stats', '--', name]);
  const obeyed = [...`${table.stdout}${table.stderr}${shown.stderr}`].filter(
    (character) => (character < ' ' && character !== '\n') || character === '\u007f' || character === '\u202e',
  );
  expect(obeyed).toEqual([]);
  const deleted = await runMq([...target, 'delete', '--yes', '--', name]);
  expect(deleted).toMatchObject({ code: 0 });
  expect(await runMq([...target, 'peek', '--', name])).toMatchObject({ code: 4 });
});
