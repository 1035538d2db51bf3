import { afterAll, beforeAll, expect, it } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';

let mq: CommandLine;
beforeAll(async () => {
  mq = await CommandLine.open();
});
afterAll(() => mq.close());

// A timer of Node that is set to more goes off at once: the broker would be polled without a pause, or given no time at
// all.
it.each([
  [['ls', '--timeout', '25d']],
  [['ls', '--connect-timeout', '25d']],
  [['stats', '--sample', '25d']],
  [['stats', '--watch', '25d']],
  [['drain', 'q', '--idle', '25d']],
  [['top', '-o', 'ndjson', '--interval', '25d']],
])('mq %j is refused: no timer waits so long', async (args) => {
  const ran = await mq.run(args);
  expect(ran.code).toBe(2);
  expect(ran.stderr).toMatch(/too long to wait: 25d/i);
  expect(ran.stderr).toContain('24d at most');
});

it('24 days can be waited, in an option and in the environment', async () => {
  expect((await mq.run(['ls', '--timeout', '24d'])).code).toBe(0);
  expect((await mq.run(['ls'], { env: { MQ_TIMEOUT: '24d' } })).code).toBe(0);
  expect((await mq.run(['ls'], { env: { MQ_TIMEOUT: '25d' } })).code).toBe(2);
});

it.each([
  [['ls', '--timeout', '0'], {}],
  [['ls', '--connect-timeout', '0s'], {}],
  [['ls'], { MQ_TIMEOUT: '0' }],
])('mq %j with %j is refused: a broker that has no time cannot answer', async (args, env) => {
  const ran = await mq.run(args, { env });
  expect(ran.code).toBe(2);
  expect(ran.stderr).toMatch(/no time to answer: 0/i);
});
