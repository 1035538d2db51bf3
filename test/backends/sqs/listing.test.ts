import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { CommandLine } from '../../support/command-line.ts';
import { behindProxy } from '../../support/sqs/behind-proxy.ts';
import { type Fault, type FaultProxy, refusal } from '../../support/sqs/fault-proxy.ts';
import { createQueue, never, uniqueName, urlOf } from '../../support/sqs/harness.ts';

const QUEUES = 50;
const DATE = '99999999999999';

interface Row {
  readonly queue: string;
  readonly ready: number | null;
  readonly depth: number | null;
  readonly notes: Readonly<Record<string, string>>;
}

describe('one bad queue of fifty (emulator fauxqs)', () => {
  let proxy: FaultProxy;
  let broker: Broker;
  let line: CommandLine;
  const stem = uniqueName('many');
  const names = Array.from({ length: QUEUES }, (_, i) => `${stem}-${String(i).padStart(2, '0')}`);
  const bad = `${stem}-07`;
  behindProxy('fauxqs', (made) => {
    ({ proxy, broker } = made);
  });
  beforeAll(async () => {
    for (const name of names) await createQueue(broker, name);
    line = await CommandLine.open();
  });
  afterAll(() => line.close());

  async function rows(...args: string[]): Promise<readonly Row[]> {
    const ran = await line.run(['--url', urlOf(proxy.url), '--timeout', '8s', ...args, '-o', 'ndjson']);
    expect(ran.code, ran.stderr).toBe(0);
    const lines = ran.stdout.split('\n').filter((one) => one !== '');
    return lines.map((one) => JSON.parse(one) as Row);
  }

  const isBad = (input: Readonly<Record<string, unknown>>) => String(input.QueueUrl).endsWith(`/${bad}`);
  const onBad =
    (answer: Fault): Fault =>
    async (call, forward) =>
      isBad(call.input) ? answer(call, forward) : null;
  const throttled = refusal('RequestThrottled', 'Rate exceeded');
  const faults: readonly (readonly [string, Fault, RegExp])[] = [
    ['may not be read', async () => refusal('AccessDenied', '', 403), /no permission for sqs:GetQueueAttributes/],
    ['is throttled', async () => throttled, /throttled/],
    ['is answered with an error of the server', async () => ({ status: 500, body: { oops: true } }), /500/],
    [
      'is answered with what is not SQS',
      async () => refusal('InvalidParameterValue', 'no such thing'),
      /no such thing/,
    ],
    ['is hung up on', async () => 'cut', /cannot be reached/],
    ['is not answered for', () => new Promise(() => {}), /in time/],
  ];

  // All queues are of one type here: what stands for a wrong one is an answer that makes no sense.
  describe.each([
    ['ls', ['ls']],
    ['stats', ['stats']],
    ['top', ['top', '--once', '--interval', '50ms']],
  ])('%s', (_verb, verb) => {
    it.each(faults)('one that %s costs its own figures, with a note', { timeout: 60_000 }, async (_, fault, why) => {
      proxy.spoil('GetQueueAttributes', onBad(fault));
      const listed = await rows(...verb, `${stem}-*`);
      expect(listed.map(({ queue }) => queue)).toEqual(names);
      const unknown = listed.filter(({ ready }) => ready === null);
      expect(unknown).toMatchObject([{ queue: bad, depth: null, notes: { ready: expect.stringMatching(why) } }]);
    });

    it('one that vanishes costs its row', async () => {
      proxy.spoil(
        'GetQueueAttributes',
        onBad(async () => refusal('QueueDoesNotExist', 'gone')),
      );
      const listed = await rows(...verb, `${stem}-*`);
      expect(listed.map(({ queue }) => queue)).toEqual(names.filter((name) => name !== bad));
    });
  });

  it.each([
    ['ls', ['ls']],
    ['top', ['top', '--once', '--interval', '50ms']],
  ])('%s says to a person, too, why a row has no figures', async (_verb, verb) => {
    proxy.spoil(
      'GetQueueAttributes',
      onBad(() => new Promise(() => {})),
    );
    const ran = await line.run(['--url', urlOf(proxy.url), '--timeout', '2s', ...verb, `${stem}-*`]);
    expect(ran.code, ran.stderr).toBe(0);
    const why = new RegExp(`1 queue could not be read: ${bad} \\(SQS did not answer sqs:GetQueueAttributes in time\\)`);
    expect(`${ran.stdout}${ran.stderr}`.replaceAll(/\s+/g, ' ')).toMatch(why);
  });

  it('a hostile name and dates beyond the calendar are shown as far as they can be', async () => {
    const hostile = `${stem}-\u001b]0;x\u0007\u202e`;
    proxy.spoil('ListQueues', async (_, forward) => {
      const answer = await forward();
      const urls = (answer.body.QueueUrls ?? []) as string[];
      return { ...answer, body: { ...answer.body, QueueUrls: [...urls, `http://127.0.0.1/000000000000/${hostile}`] } };
    });
    proxy.spoil('GetQueueAttributes', async ({ input }, forward) => {
      if (String(input.QueueUrl).endsWith(hostile)) return { status: 200, body: { Attributes: {} } };
      const answer = await forward();
      if (!isBad(input)) return answer;
      const attributes = { ...(answer.body.Attributes as object), CreatedTimestamp: DATE, LastModifiedTimestamp: DATE };
      return { ...answer, body: { Attributes: attributes } };
    });
    const listed = await rows('ls', `${stem}-*`);
    expect(listed).toHaveLength(QUEUES + 1);
    expect(listed.filter(({ queue }) => names.includes(queue)).every(({ ready }) => ready === 0)).toBe(true);
    const table = await line.run(['--url', urlOf(proxy.url), 'ls', `${stem}-*`]);
    expect(table.code).toBe(0);
    for (const raw of ['\u001b', '\u0007', '\u202e']) expect(table.stdout).not.toContain(raw);
    const one = await line.run(['--url', urlOf(proxy.url), 'inspect', bad, '-o', 'json']);
    expect(one.code).toBe(0);
  });

  it('a dead-letter queue that cannot be read costs the count of dead letters', async () => {
    const queue = `${stem}-dying`;
    await createQueue(broker, queue, { deadLetterQueue: bad, maxReceives: 5 });
    for (const fault of [async () => throttled, async () => refusal('AccessDenied', '', 403)]) {
      proxy.reset();
      proxy.spoil('GetQueueAttributes', onBad(fault));
      const [one] = await rows('stats', queue);
      expect(one).toMatchObject({ queue, ready: 0, dead: null, notes: { dead: expect.stringContaining('cannot be') } });
    }
    await broker.delete?.(queue, never);
  });

  it('when none can be read for want of an answer, it is the server', async () => {
    proxy.spoil('GetQueueAttributes', async () => throttled);
    const ran = await line.run(['--url', urlOf(proxy.url), '--timeout', '20s', 'ls', `${stem}-*`]);
    expect(ran.code).toBe(5);
  }, 60_000);
});
