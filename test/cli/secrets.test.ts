import { afterAll, beforeAll, expect, it } from 'vitest';
import { MqError } from '../../src/contract/errors.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeAll(async () => {
  mq = await CommandLine.open();
});
afterAll(() => mq.close());

const PASSWORD = 's3cr@t/p%ss';
const URL_WITH_PASSWORD = `amqp://operator:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/`;

it.each([
  ['an error that quotes the URL', new MqError('UNAVAILABLE', `cannot reach ${URL_WITH_PASSWORD}`), 5],
  [
    'an error that quotes the password',
    new MqError('UNAUTHENTICATED', `refused ${PASSWORD}`, { hint: `not ${PASSWORD}?` }),
    6,
  ],
  ['a bug, with its stack', new Error(`AUTH operator ${PASSWORD}`), 70],
  ['a bug that is no error', { password: PASSWORD }, 70],
])('never shows a password: %s', async (_name, openError, code) => {
  for (const more of [[], ['-vv'], ['-o', 'json']]) {
    for (const url of [['--url', URL_WITH_PASSWORD], []]) {
      const ran = await mq.run([...url, 'ls', ...more], { openError, env: { MQ_URL: URL_WITH_PASSWORD } });
      expect(ran.code).toBe(code);
      expect(ran.stderr).not.toBe('');
      for (const form of [PASSWORD, encodeURIComponent(PASSWORD), encodeURI(PASSWORD), JSON.stringify(PASSWORD)]) {
        expect(ran.stdout + ran.stderr).not.toContain(form);
      }
    }
  }
});

it('a URL that cannot be read is not repeated', async () => {
  const ran = await mq.run(['--url', PASSWORD, 'ls']);
  expect(ran.code).toBe(2);
  expect(ran.stderr).not.toContain(PASSWORD);
});

it.each([
  [['context', 'add', 'prod', URL_WITH_PASSWORD, 'x'], 2],
  [['context', 'use', URL_WITH_PASSWORD], 4],
  [['-c', URL_WITH_PASSWORD, 'ls'], 4],
  [['peek', URL_WITH_PASSWORD], 4],
  [['peek', `orders@${URL_WITH_PASSWORD}`], 4],
  [['peek', 'orders', URL_WITH_PASSWORD], 2],
  [['move', 'orders', URL_WITH_PASSWORD, '--yes'], 4],
  [['delete', URL_WITH_PASSWORD, '--yes'], 4],
  [['move', URL_WITH_PASSWORD, 'orders', '--yes'], 4],
  [['copy', URL_WITH_PASSWORD, 'orders'], 4],
  [['copy', 'orders', URL_WITH_PASSWORD], 4],
  [['enqueue', URL_WITH_PASSWORD, 'x'], 4],
  [['create', URL_WITH_PASSWORD], 4],
  [['drain', URL_WITH_PASSWORD], 4],
  [['purge', URL_WITH_PASSWORD, '--yes'], 4],
  [['redrive', URL_WITH_PASSWORD, '--yes'], 4],
  [['pause', URL_WITH_PASSWORD], 4],
  [['resume', URL_WITH_PASSWORD], 4],
  [['inspect', URL_WITH_PASSWORD], 4],
  [['stats', URL_WITH_PASSWORD], 4],
  [[URL_WITH_PASSWORD, 'ls'], 2],
  [[`--ulr=${URL_WITH_PASSWORD}`, 'ls'], 2],
  [['ls', '--sort', URL_WITH_PASSWORD], 2],
])('a URL in the wrong place is repeated without its password, and so in the history: mq %j', async (args, code) => {
  await mq.run(['create', 'orders']);
  for (const more of [[], ['-vv'], ['-o', 'json']]) {
    const ran = await mq.run([...args, ...more]);
    expect(ran.code).toBe(code);
    expect(ran.stderr).not.toBe('');
    const history = await mq.ok(['history', '-n', '0', '-o', 'json']);
    const said = ran.stdout + ran.stderr + history.stdout;
    for (const form of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(said).not.toContain(form);
  }
});

it.each(['?', '#', '@', '/'])('a password with a %s that is not encoded is repeated in no part', async (letter) => {
  for (const scheme of ['redis', 'rediss', 'amqp', 'amqps']) {
    for (const more of [[], ['-vv'], ['-o', 'json']]) {
      const ran = await mq.run(['--url', `${scheme}://u:left5ecret${letter}right5ecret@127.0.0.1:1/0`, 'ls', ...more]);
      expect(ran.code).not.toBe(0);
      expect(ran.stderr).not.toBe('');
      expect(ran.stdout + ran.stderr).not.toMatch(/5ecret/);
    }
  }
});

it('so is one in MQ_CONTEXT', async () => {
  const ran = await mq.run(['ls'], { env: { MQ_URL: '', MQ_CONTEXT: URL_WITH_PASSWORD } });
  expect(ran.code).toBe(4);
  expect(ran.stderr).not.toContain(encodeURIComponent(PASSWORD));
});

it('what is short in a URL inside a command or a body hides no count', async () => {
  await mq.run(['enqueue', 'orders', '1', '2', '3']);
  const ran = await mq.run(['drain', 'orders', '--exec', 'true "https://example.com/?key=3"']);
  expect(ran).toMatchObject({ code: 0, stderr: expect.stringContaining('drained 3 messages') });
});
