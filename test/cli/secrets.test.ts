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
