import { afterAll, beforeAll, expect, it } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { onChannel, readyOn } from '../../support/rabbitmq/channel.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

let vhost: RabbitmqVhost;
let mq: CommandLine;
beforeAll(async () => {
  [vhost, mq] = await Promise.all([rabbitmqVhost(), CommandLine.open()]);
});
afterAll(async () => {
  await vhost.remove();
  await mq.close();
});

const HOUR_AGO = Date.now() - 3_600_000;
/** What publishers write into the timestamp property, which counts seconds. */
const WRITTEN = [HOUR_AGO / 1e3, HOUR_AGO, HOUR_AGO * 1e3, HOUR_AGO * 1e6, 2 ** 53 - 1, 0];

it.each(['classic', 'quorum'] as const)(
  'kind %s: a timestamp in another unit is recognised, and one beyond the calendar costs its own field',
  async (kind) => {
    const queue = `far-${kind}`;
    await onChannel(vhost.url, async (channel) => {
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': kind } });
      for (const timestamp of WRITTEN)
        channel.sendToQueue(queue, Buffer.from('{}'), { persistent: true, timestamp: Math.floor(timestamp) });
    });
    // A quorum queue has them a moment after it was sent them.
    await expect.poll(() => readyOn(vhost.url, queue)).toBe(WRITTEN.length);
    const run = (...args: readonly string[]) => mq.run(['--url', vhost.mqUrl, ...args]);
    const peeked = await run('peek', queue, '-o', 'json', '--force');
    const shown = JSON.parse(peeked.stdout) as readonly {
      readonly enqueuedAt: string | null;
      readonly notes?: Readonly<Record<string, string>>;
    }[];
    const ages = shown.map(({ enqueuedAt }) => (enqueuedAt === null ? null : Date.now() - Date.parse(enqueuedAt)));
    for (const age of ages.slice(0, 4)) expect(Math.abs((age ?? 0) - 3_600_000)).toBeLessThan(60_000);
    expect(shown.map(({ notes }) => notes?.enqueuedAt)).toEqual([
      undefined,
      ...['milliseconds', 'microseconds', 'nanoseconds'].map((unit) => expect.stringContaining(`was read as ${unit}`)),
      expect.any(String),
      undefined,
    ]);
    const old = await run('purge', queue, '--older-than', '30m', '--dry-run', '--force');
    expect(old).toMatchObject({ code: 0, stderr: expect.stringContaining('would purge 5 messages') });
    for (const args of [
      ['stats', queue],
      ['top', '--once', queue],
      ['peek', queue, '-o', 'table', '--force'],
    ])
      expect((await run(...args)).code, args.join(' ')).toBe(0);
    const file = mq.path(`${queue}.taken`);
    expect((await run('drain', queue, '--to', file)).code).toBe(0);
  },
);
