import { expect, it } from 'vitest';
import { backend } from '../../../src/backends/redis/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { CommandLine } from '../../support/command-line.ts';
import { losingRelay } from '../../support/losing-relay.ts';
import { after, client, fresh, notice, open, signal, url } from '../../support/redis/lab.ts';
import { startRedis } from '../../support/redis/server.ts';
import { redisProgram } from '../../support/servers.ts';

/** Redis throttles nobody, so that of seven things that may befall one of fifty queues six are here. */
interface Listed {
  readonly rows: readonly QueueStats[];
  readonly notices: string;
}

/** All that `pattern` finds. `onFirst` is done when the first row is there. */
async function list(
  base: string,
  pattern: string,
  onFirst: () => Promise<unknown> = () => Promise.resolve(),
  timeoutMs = 10_000,
): Promise<Listed> {
  const broker = await backend.open(base, { connectTimeoutMs: 5_000, timeoutMs, notice, signal });
  after(() => broker.close());
  const rows: QueueStats[] = [];
  const notices: string[] = [];
  for await (const row of broker.queues(queuePattern([pattern]), { notice: (line) => notices.push(line), signal })) {
    rows.push(row);
    if (rows.length === 1) await onFirst();
  }
  return { rows, notices: notices.join('\n') };
}

const nameOf = (base: string, n: number): string => `${base}-${String(n).padStart(3, '0')}`;

/** Lists and streams in turn. More than are read at once, so that something can happen to those that come later. */
async function manyQueues(count: number): Promise<string> {
  const base = fresh('many');
  const made = client.pipeline();
  for (let n = 0; n < count; n += 1) {
    if (n % 2 === 0) made.lpush(nameOf(base, n), 'a');
    else made.xadd(nameOf(base, n), '*', 'body', 'a');
  }
  await made.exec();
  return base;
}

it.each([
  ['a list', 298],
  ['a stream', 299],
])('%s that vanishes while queues are listed costs its own row', async (_, n) => {
  const base = await manyQueues(300);
  const { rows, notices } = await list(url, `${base}-*`, () => client.del(nameOf(base, n)));
  const others = rows.filter(({ queue }) => queue !== nameOf(base, n));
  expect(others).toHaveLength(299);
  expect(others.every(({ ready }) => ready === 1)).toBe(true);
  // A list without a key is empty; of a stream nothing is left.
  if (n % 2 === 0) expect(rows.find(({ queue }) => queue === nameOf(base, n))?.ready).toBe(0);
  else expect(notices).toBe(`1 queue went away while it was listed: ${nameOf(base, n)}`);
});

it.each([298, 299])('a key that becomes something else is a row of unknowns with the reason (%s)', async (n) => {
  const base = await manyQueues(300);
  const { rows, notices } = await list(url, `${base}-*`, async () => {
    await client.del(nameOf(base, n));
    await client.set(nameOf(base, n), 'text');
  });
  expect(rows).toHaveLength(300);
  expect(rows.filter(({ ready }) => ready === 1)).toHaveLength(299);
  expect(rows.find(({ queue }) => queue === nameOf(base, n))).toMatchObject({
    ready: null,
    depth: null,
    notes: { state: expect.stringContaining('another type') },
  });
  expect(notices).toContain(`1 queue could not be read: ${nameOf(base, n)} (`);
});

it('keys that may not be read are left out and said, of each kind, with the command and the key', async () => {
  const base = await manyQueues(50);
  await client.hset(`bull:${base}-theirs:meta`, 'version', 'bullmq:6.7.0');
  const user = fresh('user');
  await client.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', `~${base}-0[1-4]*`, '&*', '+@all', '-@dangerous');
  after(() => client.call('ACL', 'DELUSER', user));
  const { rows, notices } = await list(url.replace('redis://', `redis://${user}:pw@`), `${base}-*`);
  expect(rows).toHaveLength(40);
  expect(rows.every(({ ready }) => ready === 1)).toBe(true);
  expect(notices).toMatch(/^11 queues may not be read by this user and are left out: .* and 8 more \(/);
  expect(notices).toMatch(/may not use TYPE on the key bull:/);
  const one = await open('', url.replace('redis://', `redis://${user}:pw@`));
  await expect(one.queue(nameOf(base, 0), signal)).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
    message: expect.stringContaining(nameOf(base, 0)),
  });
});

it('a user without TIME, and one with nothing but what reading takes, gets the figures', async () => {
  const base = await manyQueues(4);
  await client.hset(`bull:${base}-jobs:meta`, 'version', 'bullmq:6.7.0');
  await client.lpush(`bull:${base}-jobs:wait`, '1');
  await client.hset(`bull:${base}-jobs:1`, 'name', 'j', 'data', '{}', 'opts', '{}', 'timestamp', String(Date.now()));
  const user = fresh('user');
  const rights = ['+@connection', '+@read', '+@keyspace', '+@slow', '-@write', '-@scripting', '-@admin', '-time'];
  await client.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', '~*', '&*', '-@all', ...rights);
  after(() => client.call('ACL', 'DELUSER', user));
  const { rows } = await list(url.replace('redis://', `redis://${user}:pw@`), `${base}-*`);
  expect(rows.map(({ ready }) => ready)).toEqual([1, 1, 1, 1, 1]);
  expect(rows.find(({ kind }) => kind === 'bullmq')?.notes.oldestAgeMs).toContain('by the clock of this machine');
  expect(rows.every(({ brokerTime }) => brokerTime === undefined)).toBe(true);
});

it('a user without XINFO sees how many entries a stream has, and nothing is refused but what needs its groups', async () => {
  const base = await manyQueues(50);
  const user = fresh('user');
  await client.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', '~*', '&*', '+@all', '-xinfo');
  after(() => client.call('ACL', 'DELUSER', user));
  const theirs = url.replace('redis://', `redis://${user}:pw@`);
  const { rows, notices } = await list(theirs, `${base}-*`);
  expect(notices).toBe('');
  expect(rows).toHaveLength(50);
  expect(rows.filter(({ kind }) => kind === 'list').every(({ ready }) => ready === 1)).toBe(true);
  const streams = rows.filter(({ kind }) => kind === 'stream');
  expect(streams).toHaveLength(25);
  for (const stream of streams)
    expect(stream).toMatchObject({ ready: null, notes: { ready: expect.stringMatching(/^of 1 entries.*XINFO/) } });
  const one = await (await open('', theirs)).queue(nameOf(base, 1), signal);
  expect((await one.stats(signal)).ready).toBeNull();
  const publisher = await one.publisher?.({ expected: null, lossy: false, notice, signal });
  expect(await publisher?.send(outgoing())).toMatchObject({ status: 'sent' });
  await publisher?.close();
  await expect(one.pause?.({ reason: null, signal })).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(one.describe(signal)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
});

it.each([['ls'], ['stats'], ['top', '--once']])(
  '%s shows the others beside what may not be read and what is gone',
  async (...verb) => {
    const base = await manyQueues(50);
    const user = fresh('user');
    await client.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', `~${base}-*`, '&*', '+@all', '-xinfo');
    await client.call('ACL', 'SETUSER', user, 'resetkeys', `~${base}-0[1-4]*`);
    after(() => client.call('ACL', 'DELUSER', user));
    const line = await CommandLine.open();
    after(() => line.close());
    const theirs = ['--url', url.replace('redis://', `redis://${user}:pw@`), '-o', 'ndjson'];
    const named = (stdout: string) =>
      stdout
        .trimEnd()
        .split('\n')
        .map((row) => JSON.parse(row).queue as string);
    const all = await line.run([...verb, `${base}-*`, ...theirs]);
    expect(all.code, all.stderr).toBe(0);
    expect(named(all.stdout)).toHaveLength(40);
    // By name: one that may not be read, and one that is gone, beside two that are there.
    const [denied, gone, ...there] = [nameOf(base, 0), `${base}-04x`, nameOf(base, 10), nameOf(base, 12)];
    const some = await line.run([...verb, ...there, denied, gone, ...theirs]);
    expect(named(some.stdout).toSorted()).toEqual(there);
    expect(some.code, some.stderr).toBe(verb[0] === 'top' ? 4 : 6);
    expect(some.stderr).toContain(verb[0] === 'top' ? 'no queue' : denied);
  },
);

it('a list that took longer than its budget says so on each of its rows, and one that did not on none', async () => {
  const base = await manyQueues(300);
  const fill = client.pipeline();
  for (let n = 0; n < 30_000; n += 1) fill.set(`${base}-filler-${n}`, '');
  await fill.exec();
  const partial = await list(`${url}?scanBudget=1ms`, `${base}-*`);
  expect(partial.notices).toContain('the list is partial: walking through all keys took longer than 1 ms; ');
  expect(partial.rows.length).toBeLessThan(300);
  expect(partial.rows.every(({ notes }) => notes.list?.startsWith('the list is partial: ') === true)).toBe(true);
  const whole = await list(`${url}?scanBudget=60s`, `${base}-*`);
  expect(whole.rows).toHaveLength(300);
  expect(whole.rows.some(({ notes }) => notes.list !== undefined)).toBe(false);
});

it('names that are no text are left out and said; hostile ones are rows', async () => {
  const base = await manyQueues(50);
  const hostile = `${base}-\u001b[31m\nred\u202e`;
  await client.lpush(hostile, 'a');
  const binary = Buffer.concat([Buffer.from(`${base}-`), Buffer.from([0xff, 0xfe])]);
  await client.lpush(binary, 'a', 'b');
  after(() => client.del(binary));
  const { rows, notices } = await list(url, `${base}-*`);
  expect(rows.filter(({ ready }) => ready === 1)).toHaveLength(51);
  expect(rows.some(({ queue }) => queue === hostile)).toBe(true);
  expect(notices).toContain('1 queue has a name that is no UTF-8 text and is left out');
});

it('instants beyond the calendar cost their own field', async () => {
  const base = await manyQueues(50);
  const stream = nameOf(base, 1);
  await client.del(stream);
  await client.xadd(stream, '18446744073709551000-1', 'body', 'a');
  const group = nameOf(base, 3);
  await client.xgroup('CREATE', group, 'g', '0');
  await client.xgroup('SETID', group, 'g', '18446744073709551615-18446744073709551615');
  await client.hset(`mq:paused:{${group}}:g`, 'last-delivered-id', '0-0', 'at', '1e300');
  const { rows, notices } = await list(url, `${base}-*`);
  expect(notices).toBe('');
  expect(rows).toHaveLength(50);
  expect(rows.find(({ queue }) => queue === stream)).toMatchObject({ ready: 1, oldestAgeMs: null });
  expect(rows.find(({ queue }) => queue === group)).toMatchObject({ state: 'paused', ready: 1 });
});

it('a queue about which the server says nothing costs its own row; a server that says nothing at all ends the listing in time', async () => {
  const base = await manyQueues(50);
  const relay = await losingRelay(new URL(url), new RegExp(`LLEN\r\n\\$\\d+\r\n${nameOf(base, 20)}`));
  after(() => relay.close());
  const { rows, notices } = await list(relay.url, `${base}-*`, undefined, 1_000);
  expect(rows.map(({ queue }) => queue)).toHaveLength(50);
  expect(rows.filter(({ ready }) => ready === null).map(({ queue }) => queue)).toEqual([nameOf(base, 20)]);
  expect(notices).toContain(`could not be read: ${nameOf(base, 20)} (`);

  const deaf = await startRedis(await redisProgram());
  after(() => deaf.stop());
  const silent = await losingRelay(new URL(deaf.url), /LLEN|SCAN/);
  after(() => silent.close());
  const startedAt = Date.now();
  await expect(list(silent.url, '*', undefined, 1_000)).rejects.toMatchObject({ code: 'TIMEOUT' });
  expect(Date.now() - startedAt).toBeLessThan(4_000);
});
