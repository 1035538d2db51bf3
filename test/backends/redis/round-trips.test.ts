import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { client, fresh, url } from '../../support/redis/lab.ts';
import { type RoundTrips, roundTrips, type Spoken } from '../../support/round-trips.ts';

const list = fresh('list');
const stream = fresh('stream');
const job = fresh('job');
let command: CommandLine;
let network: RoundTrips;
beforeAll(async () => {
  command = await CommandLine.open();
  network = await roundTrips({ redis: url });
});
beforeEach(async () => {
  await client.lpush(list, 'one');
  await client.xadd(stream, '*', 'data', 'one');
  await client.hset(`bull:${job}:meta`, 'version', 'bullmq:5.81.5', 'opts.maxLenEvents', '10000');
});
afterAll(async () => {
  await network.close();
  await command.close();
});

const said = (...args: readonly string[]): Promise<Spoken> =>
  network.during(() => command.ok(['--url', network.urls.redis ?? '', ...args]));
const times = (name: string, { written }: Spoken): number => (written.redis ?? '').split(`\r\n${name}\r\n`).length - 1;

describe('one connection, and its opening, the questions and the work are one round trip each', () => {
  test.each<readonly [string, readonly string[], number]>([
    ['enqueue to a list', ['enqueue', list, 'x'], 3],
    ['stats of a list', ['stats', list], 3],
    ['peek into a list', ['peek', list], 4],
    ['purge of a list', ['purge', list, '--yes'], 4],
    ['enqueue to a stream', ['enqueue', stream, 'x'], 4],
    ['stats of a stream', ['stats', stream], 4],
    ['stats of an empty BullMQ queue', ['stats', job], 6],
  ])('%s', async (_, args, most) => {
    const spoken = await said(...args);
    expect(spoken.inARow, JSON.stringify(spoken.turns)).toBe(most);
    expect(spoken.turns.redis).toHaveLength(1);
    expect(times('PING', spoken)).toBe(1);
    expect(times('HELLO', spoken)).toBe(1);
  });
});

it('another queue than the first one is asked for when it is opened', async () => {
  const to = fresh('to');
  await client.lpush(to, 'one');
  const spoken = await said('copy', list, to);
  expect(spoken.turns.redis).toHaveLength(1);
  expect(await client.llen(to)).toBeGreaterThan(1);
});
