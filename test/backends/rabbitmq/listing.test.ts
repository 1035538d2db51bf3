import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { eventually } from '../../../src/conformance/bench.ts';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { HOSTILE_NAMES } from '../../fixtures/hostile-names.ts';
import { CommandLine } from '../../support/command-line.ts';
import { holdingRelay } from '../../support/holding-relay.ts';
import { broker, channel, connection, notice, options, signal, vhost } from '../../support/rabbitmq/lab.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

async function listed(...globs: string[]): Promise<ReadonlyMap<string, QueueStats>> {
  const all = new Map<string, QueueStats>();
  for await (const stats of broker.queues(queuePattern(globs), { notice, signal })) all.set(stats.queue, stats);
  return all;
}

type Queue = Readonly<Record<string, unknown>>;

/**
 * Passes requests on, keeps what was asked for, and may change what is told of a queue. `fails`: this one gets the
 * answer 500, as a list does when a queue is deleted in that moment.
 */
async function changingProxy(
  target: string,
  change: ((queue: Queue) => Queue | Promise<Queue>) | null,
  fails: (path: string) => boolean = () => false,
) {
  const { hostname, port } = new URL(target);
  const requests: string[] = [];
  const changed = async (body: string): Promise<string> => {
    if (change === null) return body;
    const told = JSON.parse(body) as unknown;
    const list = (Array.isArray(told) ? told : isObject(told) && Array.isArray(told.items) ? told.items : null) as
      | Queue[]
      | null;
    if (list === null) return isObject(told) && 'type' in told ? JSON.stringify(await change(told)) : body;
    const queues: Queue[] = [];
    for (const queue of list) queues.push(await change(queue));
    return JSON.stringify(Array.isArray(told) ? queues : { ...(told as object), items: queues });
  };
  const proxy = createServer((asked, answer) => {
    requests.push(asked.url ?? '');
    if (fails(asked.url ?? '')) return answer.writeHead(500).end();
    const passed = request({ host: hostname, port, path: asked.url, headers: asked.headers }, async (found) => {
      const body = await changed(await text(found));
      const headers = { 'content-type': 'application/json', ...(found.headers.date && { date: found.headers.date }) };
      answer.writeHead(found.statusCode ?? 500, headers).end(body);
    });
    passed.on('error', () => answer.destroy());
    return passed.end();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = new URL(target);
  url.port = String((proxy.address() as AddressInfo).port);
  return {
    url: url.href,
    /** The questions since the last time. */
    taken: () => requests.splice(0),
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

function throughProxy(management: string): string {
  const url = new URL(vhost.mqUrl);
  url.searchParams.set('management', management);
  return url.href;
}

function isObject(value: unknown): value is Queue {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function fill(queue: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) channel.sendToQueue(queue, Buffer.from(String(n)), { persistent: true });
  await channel.waitForConfirms();
}

test.each(['classic', 'quorum'])('no figure of a young %s queue is a zero that is none', async (type) => {
  const name = `young-${type}`;
  await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': type } });
  const consumer = await connection.createChannel();
  await consumer.prefetch(5);
  await consumer.consume(name, () => undefined);
  await fill(name, 100);
  await eventually(async () => expect((await channel.checkQueue(name)).messageCount).toBe(95));
  const until = Date.now() + 2_000;
  do {
    const stats = (await listed(`${name}*`)).get(name);
    expect(stats).toMatchObject({ ready: 95, consumers: 1, state: 'running' });
    // Known or not: where it is unknown, there is a reason.
    expect([5, null]).toContain(stats?.inFlight);
    expect([100, null]).toContain(stats?.depth);
    if (stats?.inFlight === null) expect(stats.notes.inFlight).toBeTruthy();
    if (stats?.depth === null) expect(stats.notes.depth).toBeTruthy();
  } while (Date.now() < until);
  await consumer.close();
});

test('what was given back is not counted twice', async () => {
  await channel.assertQueue('held', { durable: true });
  await fill('held', 300);
  const holder = await connection.createChannel();
  await holder.consume('held', () => undefined);
  await eventually(async () => expect((await listed('held*')).get('held')?.inFlight).toBe(300));
  await holder.close();
  await eventually(async () => expect((await channel.checkQueue('held')).messageCount).toBe(300));
  const until = Date.now() + 1_500;
  do {
    const stats = (await listed('held*')).get('held');
    expect(stats?.ready).toBe(300);
    expect([300, null]).toContain(stats?.depth);
  } while (Date.now() < until);
});

describe('a management API that fails', () => {
  test.each([1, 2])('%i times in a row is asked again', async (times) => {
    await channel.assertQueue('failing', { durable: true });
    const failed = new Map<string, number>();
    await using proxy = await changingProxy(vhost.managementUrl, null, (path) => {
      const before = failed.get(path) ?? 0;
      failed.set(path, before + 1);
      return before < times;
    });
    const own = await backend.open(throughProxy(proxy.url), options);
    const names: string[] = [];
    for await (const { queue } of own.queues(queuePattern(['failing*']), { notice, signal })) names.push(queue);
    await own.close();
    expect(names).toEqual(['failing']);
  });

  test('for good ends the list, with the code of what may work later', async () => {
    await using proxy = await changingProxy(vhost.managementUrl, null, () => true);
    const own = await backend.open(throughProxy(proxy.url), options);
    const list = own.queues(queuePattern(['failing*']), { notice, signal })[Symbol.asyncIterator]();
    await expect(list.next()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await own.close();
  });
});

test('a pattern finds what it finds in the whole list, whatever the names are', async () => {
  const names = ['p.a-1', 'p.a-2', 'p.b-1', 'P.A-1', 'p.[x]-1', 'p.ü-1', ...HOSTILE_NAMES.map((name) => `p.${name}`)];
  const made: string[] = [];
  for (const name of names) {
    if (Buffer.byteLength(name) > 255 || /[\r\n]/.test(name)) continue;
    await channel.assertQueue(name, { durable: true });
    made.push(name);
  }
  for (const glob of ['p.a-*', 'p*-1', '*-1', 'p.?-1', 'p.[ab]-1', 'p.\\[x\\]-*', 'p.ü*', 'p*', '*']) {
    const { matches } = queuePattern([glob]);
    const found = [...(await listed(glob)).keys()].filter((name) => made.includes(name));
    expect(found.toSorted(), glob).toEqual(made.filter(matches).toSorted());
  }
});

test('many queues cost few questions, whose number does not grow with them', { timeout: 120_000 }, async () => {
  await using many = await rabbitmqVhost();
  const filler = await connect(many.url);
  const channels = await Promise.all(Array.from({ length: 8 }, () => filler.createChannel()));
  await Promise.all(
    channels.map(async (one, index) => {
      for (let n = index; n < 1_200; n += 8) await one.assertQueue(`many-${n % 60}-${n}`, { durable: true });
    }),
  );
  const sender = await filler.createConfirmChannel();
  sender.sendToQueue('many-7-7', Buffer.from('x'));
  await sender.waitForConfirms();
  await filler.close();
  let withholds = false;
  const isTotals = (path: string) => withholds && path.includes('enable_queue_totals');
  await using relay = await changingProxy(many.managementUrl, null, isTotals);
  const url = new URL(many.mqUrl);
  url.searchParams.set('management', relay.url);
  const line = await CommandLine.open();
  withholds = true;
  const bare = (await line.json(['ls', '--url', url.href])) as readonly QueueStats[];
  withholds = false;
  expect(bare).toHaveLength(1_200);
  // Where the totals did not come, that is said, and not what is said where they came.
  expect(bare.find(({ queue }) => queue === 'many-8-8')).toMatchObject({
    ready: null,
    notes: {
      ready: expect.stringMatching(
        /^the broker did not give the totals of all queues, and mq does not make .* 1000 queues/,
      ),
    },
  });
  relay.taken();
  const all = (await line.json(['ls', '--url', url.href])) as readonly QueueStats[];
  expect(all).toHaveLength(1_200);
  expect(relay.taken().length).toBeLessThanOrEqual(4);
  expect(all.find(({ queue }) => queue === 'many-8-8')?.notes.rates).toMatch(/more than 1000 queues/);
  await eventually(async () => {
    const few = (await line.json(['ls', 'many-7-*', '--url', url.href])) as readonly QueueStats[];
    expect(few).toHaveLength(20);
    expect(few.find(({ queue }) => queue === 'many-7-7')).toMatchObject({ ready: 1, consumers: 0 });
  });
  await line.close();

  // With links and traffic, so that all of it has to be found out: who else sends dead letters there, and where an
  // exchange leads.
  const maker = await connect(many.url);
  const one = await maker.createConfirmChannel();
  await one.assertExchange('failed', 'fanout', { durable: true });
  await one.bindQueue('many-9-9', 'failed', '');
  await one.assertQueue('many-linked', { durable: true, deadLetterExchange: 'failed' });
  const toAnother = { deadLetterExchange: '', deadLetterRoutingKey: 'many-8-8' };
  await one.assertQueue('many-quiet', { durable: true, ...toAnother });
  one.sendToQueue('many-linked', Buffer.from('x'));
  await one.waitForConfirms();
  await maker.close();
  const far = await backend.open(url.href, options);
  const linked = { dead: 0, notes: { dead: 'the depth of many-9-9' } };
  const round = async (...globs: string[]): Promise<QueueStats[]> => {
    const rows: QueueStats[] = [];
    for await (const stats of far.queues(queuePattern(globs), { notice, signal })) rows.push(stats);
    return rows;
  };
  const looks = [
    ['a glob', () => round('many-l*'), 6],
    // The totals of very many are a list of their own, that can be done without: one stuck queue keeps it back.
    ['an interval of top', () => round(), 6],
    ['an interval of top with a glob', () => round('many-l*'), 6],
  ] as const;
  // In its first seconds, it is asked for by its name too, to know its policy.
  for (const name of ['many-linked', 'many-quiet'])
    await expect
      .poll(() => many.request('GET', `/api/queues/${many.encodedName}/${name}`))
      .toHaveProperty('effective_policy_definition');
  // The first question of all is whose API it is.
  await round('many-l*');
  relay.taken();
  for (const [name, look, most] of looks) {
    const rows = await look();
    expect(
      rows.find(({ queue }) => queue === 'many-linked'),
      name,
    ).toMatchObject(linked);
    const asked = relay.taken();
    expect(asked.length, `${name}: ${asked.join(' ')}`).toBeLessThanOrEqual(most);
    expect(asked.filter((path) => path.startsWith('/api/bindings/'))).toEqual([]);
    const lists = asked.filter((path) => path.startsWith(`/api/queues/${many.encodedName}?`));
    expect(lists, name).toHaveLength(name === 'an interval of top' ? 2 : 1);
    for (const list of lists) expect(list, name).toContain('disable_stats=true');
  }
  const alone = await (await far.queue('many-quiet', signal)).stats(signal);
  expect(alone).toMatchObject({
    dead: 0,
    notes: { dead: 'the depth of many-8-8, whoever lost them' },
  });
  const place = `/api/queues/${many.encodedName}`;
  expect(
    relay
      .taken()
      .map((path) => path.replace(/\?.*/, ''))
      .toSorted(),
  ).toEqual([`/api/operator-policies/${many.encodedName}`, `${place}/many-8-8`, `${place}/many-quiet`].toSorted());
  // Whose dead letters come in is asked of all, in one list, as they are missing in what the broker counts.
  await expect
    .poll(() => many.request('GET', `${place}/many-linked?msg_rates_age=15&msg_rates_incr=5`), { timeout: 15_000 })
    .toMatchObject({
      message_stats: { publish_details: { samples: expect.arrayContaining([expect.objectContaining({ sample: 1 })]) } },
    });
  expect(await (await far.queue('many-linked', signal)).stats(signal)).toMatchObject({ dead: 0 });
  const asked = relay.taken();
  expect(asked.length, asked.join(' ')).toBeLessThanOrEqual(12);
  expect(asked.filter((path) => path.startsWith('/api/bindings/'))).toEqual([]);
  expect(asked.filter((path) => path.startsWith(`${place}?`))).toEqual([expect.stringContaining('disable_stats=true')]);
  expect((await far.names?.(signal))?.toSorted()).toEqual(
    [...all.map(({ queue }) => queue), 'many-linked', 'many-quiet'].toSorted(),
  );
  expect(relay.taken()).toEqual([expect.stringContaining('columns=name&disable_stats=true')]);
  await far.close();
});

test('what befalls one of fifty queues costs its own row or field, and a note', { timeout: 120_000 }, async () => {
  await using fifty = await rabbitmqVhost();
  const owner = await connect(fifty.url);
  const maker = await owner.createConfirmChannel();
  const names = Array.from({ length: 45 }, (_, n) => `one-${n}`);
  for (const name of names) await maker.assertQueue(name, { durable: true });
  // Somebody else's alone: nobody may even ask for it.
  await maker.assertQueue('exclusive', { exclusive: true });
  const hostile = 'hostile \u001b[31m\u202e <b>"\\';
  await maker.assertQueue(hostile, { durable: true });
  await maker.assertQueue('dated', { durable: true });
  maker.sendToQueue('dated', Buffer.from('x'), { timestamp: 9_007_199_254_740_991 });
  await maker.assertQueue('milliseconds', { durable: true });
  maker.sendToQueue('milliseconds', Buffer.from('x'), { timestamp: Date.now() - 7_200_000 });
  await maker.waitForConfirms();
  const line = await CommandLine.open();
  const list = async () => {
    const ran = await line.ok(['ls', '-o', 'json', '--url', fifty.mqUrl]);
    return new Map((JSON.parse(ran.stdout) as QueueStats[]).map((stats) => [stats.queue, stats]));
  };
  await eventually(async () => {
    const rows = await list();
    expect([...rows.keys()].toSorted()).toEqual([...names, 'exclusive', hostile, 'dated', 'milliseconds'].toSorted());
    expect(rows.get('exclusive')?.approximate).toContain('consumers');
    expect(rows.get('dated')).toMatchObject({ ready: 1, oldestAgeMs: null });
    expect(rows.get('milliseconds')?.oldestAgeMs).toBeGreaterThan(7_000_000);
    for (const name of names) expect(rows.get(name)).toMatchObject({ ready: 0, state: 'running' });
  });
  // One that goes away while it is asked for is missing, or there with what is known: the others are there.
  const going = (async () => {
    for (const name of names.slice(0, 20)) await maker.deleteQueue(name);
  })();
  for (let n = 0; n < 3; n++) expect((await list()).has('one-44')).toBe(true);
  await going;
  await line.close();
  await owner.close();
});

/**
 * The one that does not answer needs a broker of its own: test/faults/rabbitmq/busy-leader.test.ts. RabbitMQ throttles
 * publishers and never a question, so that there is none that is throttled.
 */
describe('one of fifty, by every verb that shows many', () => {
  let fifty: RabbitmqVhost;
  let owner: ChannelModel;
  let maker: ConfirmChannel;
  let line: CommandLine;
  const names = Array.from({ length: 50 }, (_, n) => `one-${String(n).padStart(2, '0')}`);
  const [odd = ''] = names.slice(17);
  beforeAll(async () => {
    fifty = await rabbitmqVhost();
    owner = await connect(fifty.url);
    maker = await owner.createConfirmChannel();
    for (const name of names) {
      await maker.assertQueue(name, { durable: true });
      maker.sendToQueue(name, Buffer.from('x'), { persistent: true });
    }
    await maker.waitForConfirms();
    line = await CommandLine.open();
    // What the management API tells of new queues comes some seconds late.
    await eventually(async () =>
      expect((await shown(['ls'], fifty.mqUrl)).every(({ ready }) => ready === 1)).toBe(true),
    );
  });
  afterAll(async () => {
    await line.close();
    await owner.close();
    await fifty.remove();
  });

  async function shown(args: readonly string[], url: string, ...limits: string[]): Promise<readonly QueueStats[]> {
    const { stdout, stderr, code } = await line.run([...args, '--url', url, '-o', 'ndjson', ...limits]);
    expect(code, stderr).toBe(0);
    return stdout
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row) as QueueStats);
  }

  const others = (rows: readonly QueueStats[]) => rows.filter(({ queue }) => queue !== odd);

  describe.each([
    ['ls', ['ls']],
    ['stats of a pattern', ['stats', 'one-*']],
    ['top', ['top', '--once', '--interval', '100ms']],
    ['stats of names', ['stats', ...names.slice(15, 20)]],
  ])('%s', (verb, args) => {
    const count = verb === 'stats of names' ? 5 : 50;

    test('no right', async () => {
      const user = `no-right-${randomUUID()}`;
      await fifty.request('PUT', `/api/users/${user}`, { password: 'pw', tags: 'management' });
      const rights = { configure: `^(?!${odd}$)`, write: `^(?!${odd}$)`, read: `^(?!${odd}$)` };
      await fifty.request('PUT', `/api/permissions/${fifty.encodedName}/${user}`, rights);
      const url = new URL(fifty.mqUrl);
      const management = new URL(fifty.managementUrl);
      for (const address of [url, management]) [address.username, address.password] = [user, 'pw'];
      url.searchParams.set('management', management.href);
      const rows = await shown(args, url.href);
      await fifty.request('DELETE', `/api/users/${user}`);
      expect(rows).toHaveLength(count);
      // The management API tells everybody of it.
      expect(rows.every(({ ready }) => ready === 1)).toBe(true);
    });

    // A queue has its type for life, so that a wrong one is a type that mq does not know, as plugins make them.
    test('a type that nobody knows', async () => {
      await using relay = await changingProxy(fifty.managementUrl, (queue) =>
        queue.name === odd ? { ...queue, type: 'rabbit_mqtt_qos0_queue', messages_ready: 'many', arguments: 7 } : queue,
      );
      const url = new URL(fifty.mqUrl);
      url.searchParams.set('management', relay.url);
      const rows = await shown(args, url.href);
      expect(rows).toHaveLength(count);
      expect(others(rows).every(({ ready }) => ready === 1)).toBe(true);
      expect(rows.find(({ queue }) => queue === odd)).toMatchObject({ ready: 1, state: 'running' });
    });

    // Who names it asks AMQP and the management API at once, and only once: what happens depends on which comes first.
    test.each(
      verb === 'stats of names' ? (['before it is counted', 'when it is counted'] as const) : (['at all'] as const),
    )('one that vanishes %s', async (when) => {
      const counted = Promise.withResolvers<void>();
      const gone = Promise.withResolvers<void>();
      let isGone = false;
      await using amqp = await holdingRelay(fifty.mqUrl, async (from, piece) => {
        if (!piece.includes(odd)) return;
        if (from === 'server') counted.resolve();
        else if (when === 'before it is counted') await gone.promise;
      });
      await using relay = await changingProxy(fifty.managementUrl, async (queue) => {
        if (isGone || queue.name !== odd) return queue;
        if (when === 'when it is counted') await counted.promise;
        await maker.deleteQueue(odd);
        isGone = true;
        gone.resolve();
        return queue;
      });
      const url = new URL(amqp.url);
      url.searchParams.set('management', relay.url);
      const { stdout, code, stderr } = await line.run([...args, '--url', url.href, '-o', 'ndjson']);
      await maker.assertQueue(odd, { durable: true });
      maker.sendToQueue(odd, Buffer.from('x'), { persistent: true });
      await maker.waitForConfirms();
      const rows = stdout
        .trimEnd()
        .split('\n')
        .map((row) => JSON.parse(row) as QueueStats);
      expect(isGone).toBe(true);
      expect(rows.find(({ queue }) => queue === odd)?.ready).toBe(when === 'when it is counted' ? 1 : undefined);
      expect(rows).toHaveLength(when === 'when it is counted' ? count : count - 1);
      // Who names it wants to know.
      expect(code, stderr).toBe(when === 'before it is counted' ? 4 : 0);
      expect(others(rows).every(({ ready }) => ready === 1)).toBe(true);
    });
  });
});
