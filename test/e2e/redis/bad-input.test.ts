import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue as BullQueue } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { jsonOf, runMq, startMq } from '../../support/mq.ts';
import { after, client, connection, fresh, url } from '../../support/redis/lab.ts';
import { type RedisServer, startRedis, startRedisCluster } from '../../support/redis/server.ts';
import { redisProgram } from '../../support/servers.ts';

const program = await redisProgram();
const PASSWORD = 'hunter2-p@ss/word';
const servers: RedisServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serverWith(settings: Readonly<Record<string, string | readonly string[]>>): Promise<RedisServer> {
  const started = await startRedis(program, { settings });
  servers.push(started);
  return started;
}

async function tell(server: RedisServer, work: (direct: Redis) => Promise<unknown>): Promise<void> {
  const direct = new Redis(server.url);
  direct.on('error', () => {});
  try {
    await work(direct);
  } finally {
    direct.disconnect();
  }
}

/**
 * One line that says what is wrong, hints at most behind it; no stack, no secret, no control sequence; and nothing on
 * stdout.
 */
async function refused(args: readonly string[], code: number, says: RegExp): Promise<void> {
  const ran = await runMq(args);
  expect(ran.stderr, args.join(' ')).toMatch(says);
  expect(ran.code, ran.stderr).toBe(code);
  expect(ran.stdout).toBe('');
  const [line = '', ...rest] = ran.stderr.trimEnd().split('\n');
  expect(line).toMatch(/^mq: error: \S.*\S$/);
  for (const more of rest) expect(more).toMatch(/^ {4}hint: \S/);
  expectClean(ran.stderr);
}

function expectClean(text: string): void {
  expect(text).not.toContain('hunter2');
  expect(text).not.toContain(encodeURIComponent(PASSWORD));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
}

describe('the database of the URL', () => {
  it('that the server does not have, or the user may not select, is refused: nothing is read from or written to another', async () => {
    const server = await serverWith({ user: ['bound on >hunter2-bound ~* +@all -select'] });
    await tell(server, (direct) => direct.rpush('orders', 'one'));
    const missing = server.url.replace(/\/?\d*$/, (port) => `${port.replace('/', '')}/99`);
    for (const args of [['ls'], ['enqueue', 'orders', 'two'], ['purge', 'orders', '--yes'], ['stats', 'orders']]) {
      await refused(
        ['--url', `${missing}?kind=list`, ...args],
        2,
        /the server has no database of this number\n {4}hint: /,
      );
      const as = missing.replace('redis://', 'redis://bound:hunter2-bound@').replace('/99', '/1');
      await refused(['--url', `${as}?kind=list`, ...args], 6, /the user may not run SELECT/);
    }
    await tell(server, async (direct) => expect(await direct.lrange('orders', 0, -1)).toEqual(['one']));
    // It has another, whose queues are its own.
    const other = await runMq(['--url', `${missing.replace('/99', '/15')}?kind=list`, 'enqueue', 'orders', 'three']);
    expect(other.code).toBe(0);
    await tell(server, async (direct) => expect(await direct.lrange('orders', 0, -1)).toEqual(['one']));
  });

  it('a password that is not needed is no reason for a line past the messages of mq', async () => {
    const server = await serverWith({});
    await tell(server, (direct) => direct.rpush('orders', 'one'));
    const { code, stderr } = await runMq(['--url', server.url.replace('redis://', 'redis://:hunter2@'), 'ls']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });
});

describe('login and rights', () => {
  it('no password, a wrong one, a user who may not: 6, and nothing is lost', { timeout: 90_000 }, async () => {
    const locked = await serverWith({
      requirepass: PASSWORD,
      user: ['reader on >hunter2-reader ~allowed* +@read +ping +client'],
    });
    const as = (user: string, password: string): string =>
      locked.url.replace('redis://', `redis://${user}:${encodeURIComponent(password)}@`);
    const master = as('default', PASSWORD);
    const reader = `${as('reader', 'hunter2-reader')}?kind=list&next=right`;
    expect(await runMq(['--url', `${master}?kind=list`, 'enqueue', 'allowed', 'one', 'two'])).toMatchObject({
      code: 0,
    });
    for (const verb of [['ls'], ['peek', 'allowed'], ['enqueue', 'allowed', 'x'], ['purge', 'allowed', '--yes']]) {
      await refused(['--url', locked.url, ...verb], 6, /asks for a password/);
      await refused(['--url', as('default', 'hunter2-wrong'), ...verb], 6, /refused the user or the password/);
    }
    await refused(['--url', reader, 'stats', 'forbidden'], 6, /the user may not use TYPE on the key forbidden/);
    await refused(['--url', reader, 'purge', 'allowed', '--yes'], 6, /the user may not/);
    // A message that was refused is told as one, with its number.
    const denied = await runMq(['-vvv', '--url', reader, 'enqueue', 'allowed', 'x']);
    expect(denied).toMatchObject({
      code: 6,
      stdout: '',
      stderr: expect.stringMatching(/message 1 was not sent: .*may not/),
    });
    expect(denied.stderr).not.toContain('hunter2');
    await refused(['--url', reader, 'drain', 'allowed'], 6, /nothing was taken: .*may not/);
    expect(await jsonOf(['--url', `${master}?kind=list`, 'peek', 'allowed', '-o', 'json'])).toMatchObject([
      { body: 'one' },
      { body: 'two' },
    ]);
  });
});

describe('a server that cannot write', () => {
  it('a replica that only reads: 1, and everything is as it was', async () => {
    const replica = await serverWith({});
    const at = ['--url', `${replica.url}?kind=list&dlq=*:dead`];
    expect(await runMq([...at, 'enqueue', 'q', 'one', 'two'])).toMatchObject({ code: 0 });
    expect(await runMq([...at, 'enqueue', 'q:dead', 'dead'])).toMatchObject({ code: 0 });
    const jobs = new BullQueue('jobs', { connection: { host: '127.0.0.1', port: replica.port } });
    await jobs.add('job', { n: 1 }, { jobId: 'one' });
    await jobs.close();
    await tell(replica, async (direct) => {
      await direct.lrem('bull:jobs:wait', 1, 'one');
      await direct.zadd('bull:jobs:failed', Date.now(), 'one');
      await direct.call('REPLICAOF', '127.0.0.1', '1');
    });
    expect(await runMq(['--url', replica.url, 'redrive', 'jobs', '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('read-only replica'),
    });
    await refused([...at, 'purge', 'q', '--yes'], 1, /read-only replica/);
    await refused([...at, 'redrive', 'q', '--yes'], 1, /read-only replica/);
    await refused([...at, 'move', 'q', 'other', '--yes'], 1, /read-only replica/);
    const sent = await runMq([...at, 'enqueue', 'q', '--lines'], { input: 'a\nb\n' });
    expect(sent).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /message 1 was not sent: .*read-only replica.*\n.*1 more, up to message 2, were not sent for the same reason/,
      ),
    });
    expect(sent.stderr).toContain('0 sent, 2 not sent');
    expect(await jsonOf([...at, 'ls', 'q*', '-o', 'json'])).toMatchObject([
      { queue: 'q', ready: 2, dead: 1 },
      { queue: 'q:dead', ready: 1 },
    ]);
  });

  it('that cannot save to disk: what only reads works, a change is 5, and everything is as it was', async () => {
    const gone = await mkdtemp(join(tmpdir(), 'mq-test-gone-'));
    const unsaved = await serverWith({ dir: gone, save: '3600 1' });
    const at = ['--url', `${unsaved.url}?kind=list`];
    await tell(unsaved, async (direct) => {
      await direct.lpush('q', 'two', 'one');
      await rm(gone, { recursive: true });
      await direct.call('BGSAVE');
      await expect.poll(() => direct.info('persistence'), { timeout: 10_000 }).toContain('rdb_last_bgsave_status:err');
    });
    for (const verb of [['ls'], ['peek', 'q']])
      expect(await runMq([...at, ...verb])).toMatchObject({ code: 0, stdout: expect.stringMatching(/\S/) });
    expect(await runMq([...at, 'doctor'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^WARN .* disk: .*save/m),
    });
    const says = /the server cannot save to disk and refuses writes/;
    for (const verb of [
      ['purge', 'q', '--yes'],
      ['move', 'q', 'to', '--yes'],
      ['drain', 'q'],
    ])
      await refused([...at, ...verb], 5, says);
    expect(await runMq([...at, 'enqueue', 'q', 'three'])).toMatchObject({
      code: 5,
      stdout: '',
      stderr: expect.stringMatching(says),
    });
    await tell(unsaved, async (direct) => expect(await direct.lrange('q', 0, -1)).toEqual(['one', 'two']));
  });

  it.each(['list', 'stream'] as const)(
    'out of memory in the middle of a bulk into a %s: 3, and the counts are those of the server',
    async (kind) => {
      const small = await serverWith({ maxmemory: '6mb', 'maxmemory-policy': 'noeviction' });
      const at = ['--url', `${small.url}?kind=${kind}`];
      if (kind === 'stream') expect(await runMq([...at, 'create', 'q'])).toMatchObject({ code: 0 });
      const input = `${'x'.repeat(999)}\n`.repeat(20_000);
      const { code, stdout, stderr } = await runMq([...at, 'enqueue', 'q', '--lines'], { input });
      expect(code).toBe(3);
      const [, sent = '', failed = ''] = /(\d+) sent, (\d+) not sent\n$/.exec(stderr) ?? [];
      expect(Number(sent)).toBeGreaterThan(0);
      expect(Number(sent) + Number(failed)).toBe(20_000);
      expect(stderr).toContain('the server is out of memory');
      expect(stdout.trimEnd().split('\n')).toHaveLength(Number(sent));
      expect(await jsonOf([...at, 'stats', 'q', '-o', 'json'])).toMatchObject([{ ready: Number(sent) }]);
      await tell(small, async (direct) => {
        const used = Number(/used_memory:(\d+)/.exec(await direct.info('memory'))?.[1]);
        await direct.config('SET', 'maxmemory', used);
      });
      if (kind === 'list') await refused([...at, 'move', 'q', 'other', '--yes'], 1, /out of memory/);
      expect(await jsonOf([...at, 'stats', 'q', '-o', 'json'])).toMatchObject([{ ready: Number(sent) }]);
    },
  );

  it('still loading: 5', async () => {
    const slow = await serverWith({
      appendonly: 'yes',
      'key-load-delay': '2000',
      'loading-process-events-interval-bytes': '1024',
    });
    await tell(slow, async (direct) => {
      const filling = direct.pipeline();
      for (let n = 0; n < 5000; n += 1) filling.set(`k${n}`, 'x'.repeat(100));
      await filling.exec();
      await direct.call('BGREWRITEAOF');
      await expect.poll(() => direct.info('persistence'), { timeout: 10_000 }).toContain('aof_rewrite_in_progress:0');
    });
    await slow.restart();
    await refused(['--url', `${slow.url}?kind=list`, 'peek', 'q'], 5, /still loading/);
  });
});

it.each(['list', 'stream'] as const)(
  'a server that dies in the middle of a bulk into a %s: what is told as sent is there, the rest is uncertain or was never tried',
  { timeout: 120_000 },
  async (kind) => {
    const mortal = await serverWith({ appendonly: 'yes', appendfsync: 'always' });
    const at = ['--url', `${mortal.url}?kind=${kind}`];
    if (kind === 'stream') expect(await runMq([...at, 'create', 'q'])).toMatchObject({ code: 0 });
    const count = 300_000;
    const file = join(mortal.folder, 'lines');
    await writeFile(file, Array.from({ length: count }, (_, n) => `${n}\n`).join(''));
    const sending = startMq([...at, 'enqueue', 'q', '--lines', '--file', file]);
    // The first ids that it tells: now it is in the middle, and cannot come to the end while nobody reads on.
    await new Promise<void>((resolve) => sending.process.stdout?.once('data', () => resolve()));
    sending.process.stdout?.pause();
    await mortal.kill();
    sending.process.stdout?.resume();
    const { code, stdout, stderr } = await sending.finished;
    expect(code).toBe(3);
    expectClean(stderr);
    const told = stdout.trimEnd().split('\n');
    const [, sent = '', unsent = '', uncertain = ''] =
      /(\d+) sent, (\d+) not sent(?:, (\d+) uncertain)?\n$/.exec(stderr) ?? [];
    expect(Number(sent)).toBe(told.length);
    expect(Number(sent)).toBeGreaterThan(0);
    expect(Number(sent) + Number(unsent) + Number(uncertain)).toBe(count);
    expect(Number(uncertain)).toBeGreaterThan(0);
    await mortal.restart();
    await tell(mortal, async (direct) => {
      const entries = kind === 'stream' ? await direct.xrange('q', '-', '+') : [];
      const stored =
        kind === 'stream' ? entries.map(([, [, body]]) => body) : (await direct.lrange('q', '0', '-1')).reverse();
      // Each once and in order, as far as they came.
      expect(stored).toEqual(Array.from({ length: stored.length }, (_, n) => String(n)));
      expect(stored.length).toBeGreaterThanOrEqual(told.length);
      expect(stored.length).toBeLessThanOrEqual(told.length + Number(uncertain));
      if (kind === 'stream') expect(entries.slice(0, told.length).map(([id]) => id)).toEqual(told);
    });
  },
);

describe('keys that are not what they should be', () => {
  it('another type: 1, for every verb, and the key is as it was', { timeout: 60_000 }, async () => {
    const name = fresh('text');
    await client.set(name, 'text');
    const list = fresh('list');
    await client.rpush(list, 'one');
    for (const verb of [
      ['peek', name],
      ['stats', name],
      ['inspect', name],
      ['enqueue', name, 'x'],
      ['drain', name],
      ['purge', name, '--yes'],
      ['redrive', name, '--yes'],
      ['move', list, name, '--yes'],
      ['move', name, list, '--yes'],
    ])
      await refused(['--url', url, ...verb], 1, /is a string/);
    await refused(['--url', `${url}?kind=list`, 'enqueue', name, 'x'], 1, /is a string/);
    await refused(['--url', `${url}?kind=stream`, 'peek', list], 1, /is a list, not a stream/);
    await client.set(`bull:${name}:wait`, 'not a list');
    await client.hset(`bull:${name}:meta`, 'version', 'bullmq:6.7.0');
    for (const verb of ['stats', 'peek', 'inspect'])
      await refused(['--url', url, verb, name], 1, /another type of value/);
    expect(await client.get(name)).toBe('text');
    expect(await client.lrange(list, '0', '-1')).toEqual(['one']);
  });

  it('broken job hashes are shown as far as they go, and a redrive says which it left', async () => {
    const name = fresh('broken');
    const queue = new BullQueue(name, { connection });
    after(() => queue.close());
    const good = await queue.add('good', { n: 1 });
    await client.hset(`bull:${name}:bad`, 'name', 'odd', 'data', '{not json', 'opts', 'neither', 'timestamp', 'never');
    await client.lrem(`bull:${name}:wait`, 0, good.id ?? '');
    await client.zadd(`bull:${name}:failed`, 1, 'gone', 2, 'bad', 3, good.id ?? '');
    const at = ['--url', url];
    const peeked = await runMq([...at, 'peek', name, '--dead', '-o', 'json']);
    expect(peeked.code).toBe(0);
    expect(
      JSON.parse(peeked.stdout)
        .map(({ id }: { readonly id: string }) => id)
        .toSorted(),
    ).toEqual([good.id, 'bad'].toSorted());
    expect(peeked.stderr).toMatch(/1 job/);
    expect(await runMq([...at, 'inspect', name, 'bad'])).toMatchObject({ code: 0 });
    const redriven = await runMq([...at, 'redrive', name, '--yes', '-o', 'json']);
    expectClean(redriven.stderr);
    const report = JSON.parse(redriven.stdout);
    expect(report).toMatchObject({
      matched: report.moved + report.skipped + report.failed + report.unknown,
      unknown: 0,
    });
    expect(report.moved).toBeGreaterThanOrEqual(1);
    expect(await client.lrange(`bull:${name}:wait`, 0, -1)).toContain(good.id);
    // Each of the three is where the report says: moved ones wait, the others are in the failed set.
    const waiting = await client.lrange(`bull:${name}:wait`, 0, -1);
    const left = await client.zrange(`bull:${name}:failed`, '0', '-1');
    expect(waiting).toHaveLength(report.moved);
    expect(new Set([...waiting, ...left])).toEqual(new Set(['bad', 'gone', good.id]));
  });

  it.each([
    'with:colons:in:it',
    'bull:like:a:key',
    '\u001b[31mred\u0007',
    'new\nline',
    'tab\there',
    '*[glob]?',
    '-dash',
    '{tag}:x',
    'é日本🙈',
  ])('a list named %j is only a name', { timeout: 60_000 }, async (base) => {
    const name = `${base}${fresh('n')}`;
    const at = ['--url', `${url}?kind=list`];
    const run = async (verb: string, ...args: readonly string[]) => {
      const ran = await runMq([...at, verb, ...args]);
      expect(ran.code, ran.stderr).toBe(0);
      expectClean(ran.stderr);
      return ran;
    };
    await run('enqueue', '--', name, 'one', 'two');
    expect(await client.lrange(name, '0', '-1')).toEqual(['two', 'one']);
    for (const verb of ['stats', 'inspect', 'peek']) expectCleanLines((await run(verb, '--', name)).stdout);
    expectCleanLines((await run('ls')).stdout);
    expect(await jsonOf([...at, 'peek', '-o', 'json', '--', name])).toMatchObject([
      { queue: name, body: 'one' },
      { queue: name, body: 'two' },
    ]);
    await run('move', '--yes', '--', name, `${name}-2`);
    expect(await client.lrange(`${name}-2`, '0', '-1')).toEqual(['two', 'one']);
    await run('drain', '--max', '1', '--', `${name}-2`);
    await run('purge', '--yes', '--', `${name}-2`);
    expect(await client.exists(name, `${name}-2`)).toBe(0);
  });
});

/** Lines and tabs of a table or a document, and nothing else that a terminal would obey. */
function expectCleanLines(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
}

describe('a cluster', async () => {
  const cluster = await startRedisCluster(program);
  const nodes = cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port }));
  const direct = new Cluster(nodes);
  direct.on('error', () => {});
  afterAll(async () => {
    direct.disconnect();
    await cluster.stop();
  });
  const at = ['--url', `redis://${nodes.map(({ host, port }) => `${host}:${port}`).join(',')}/0?cluster=true`];

  it('a BullMQ queue across slots: the remedy is named and nothing is lost; a node alone is known for one of a cluster', async () => {
    const job = ['name', 'odd', 'data', '{}', 'opts', '{}', 'timestamp', '1'];
    await direct.hset('bull:untagged:meta', 'version', 'bullmq:6.7.0');
    await direct.hset('bull:untagged:1', ...job);
    await direct.zadd('bull:untagged:failed', 1, '1');
    const sent = await runMq([...at, 'enqueue', 'untagged', '{}']);
    expect(sent).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/different slots/) });
    const redriven = await runMq([...at, 'redrive', 'untagged', '--yes', '-o', 'json']);
    expect([1, 3]).toContain(redriven.code);
    expect(redriven.stdout + redriven.stderr).toMatch(/slots/);
    expect(await direct.zrange('bull:untagged:failed', '0', '-1')).toEqual(['1']);
    const single = (name: string) => runMq(['--url', `redis://127.0.0.1:${nodes[0]?.port}/0?kind=list`, 'peek', name]);
    const answers = await Promise.all(['list-0', 'list-1', 'list-2', 'list-3'].map(single));
    // Without ?cluster=true, too: the server says that it is a node, and the other nodes have the other keys.
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
  });

  it('bulk into a list and a stream of a cluster arrives in order, each with its id', async () => {
    const lines = Array.from({ length: 3000 }, (_, n) => `line ${n}`);
    const input = `${lines.join('\n')}\n`;
    const [host = ''] = at.slice(1);
    expect(
      await runMq(['--url', `${host}&kind=list`, 'enqueue', 'bulk-list', '--lines', '-q'], { input }),
    ).toMatchObject({ code: 0 });
    expect((await direct.lrange('bulk-list', '0', '-1')).reverse()).toEqual(lines);
    await direct.xgroup('CREATE', 'bulk-stream', 'g', '0', 'MKSTREAM');
    const sent = await runMq(['--url', `${host}&kind=stream`, 'enqueue', 'bulk-stream', '--lines'], { input });
    const entries = await direct.xrange('bulk-stream', '-', '+');
    expect(entries.map(([, [, body]]) => body)).toEqual(lines);
    expect(sent.stdout.trimEnd().split('\n')).toEqual(entries.map(([id]) => id));
  });

  it('one silent node: the queues of the others are shown and can be used, its own are told and are exit 5', async () => {
    const silent = await Promise.all(
      cluster.masters.map(async (master) => {
        const one = new Redis(master.url);
        await one.config('SET', 'cluster-node-timeout', '60000');
        const [, pid = ''] = /process_id:(\d+)/.exec(await one.info('server')) ?? [];
        one.disconnect();
        return { port: master.port, pid: Number(pid) };
      }),
    );
    const [, { pid, port } = { pid: 0, port: 0 }] = silent;
    const slotsOf = async (name: string): Promise<number> => Number(await direct.cluster('KEYSLOT', name));
    const names = { live: '', silent: '' };
    for (let n = 0; names.live === '' || names.silent === ''; n += 1) {
      const third = Math.floor((await slotsOf(`silence-${n}`)) / (16_384 / 3));
      names[third === 1 ? 'silent' : 'live'] ||= `silence-${n}`;
    }
    await direct.lpush(names.live, 'one');
    await direct.lpush(names.silent, 'one');
    const bull = `{${names.live}}:jobs`;
    await direct.hset(`${bull}:meta`, 'version', 'bullmq:5.7.0');
    const timed = async (...args: readonly string[]) => {
      const startedAt = performance.now();
      const ran = await runMq([...at, '--timeout', '3s', ...args]);
      // --timeout + 2 s, and as much for three programs that start at once on a busy machine.
      expect(performance.now() - startedAt, args.join(' ')).toBeLessThan(10_000);
      return ran;
    };
    const told = new RegExp(`the node 127\\.0\\.0\\.1:${port} of the cluster gave no answer`);
    process.kill(pid, 'SIGSTOP');
    try {
      const lists = [
        ['ls', '-o', 'json'],
        ['stats', 'silence-*', '-o', 'json'],
        ['top', '--once'],
      ];
      const [listed, counted, watched] = await Promise.all(lists.map((verb) => timed(...verb)));
      for (const ran of [listed, counted, watched]) {
        expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining(names.live) });
        expect(ran?.stdout).not.toContain(names.silent);
        expect(`${ran?.stdout}${ran?.stderr}`).toMatch(told);
      }
      expect(JSON.parse(counted?.stdout ?? '')).toMatchObject([
        { queue: names.live, ready: 1, notes: { list: expect.stringMatching(told) } },
      ]);
      const [named, ...refusals] = await Promise.all([
        timed('stats', names.live, names.silent),
        timed('enqueue', names.silent, 'two'),
        timed('purge', names.silent, '--yes'),
      ]);
      expect(named).toMatchObject({ code: 5, stdout: expect.stringContaining(names.live) });
      expect(named?.stderr).toMatch(told);
      for (const ran of refusals)
        expect(ran).toMatchObject({ code: 5, stdout: '', stderr: expect.stringMatching(told) });
      const [sent, added, peeked] = await Promise.all([
        timed('enqueue', names.live, 'two'),
        timed('enqueue', bull, '{}'),
        timed('peek', names.live, '-o', 'body', '--limit', '1'),
      ]);
      expect(sent).toMatchObject({ code: 0 });
      expect(added).toMatchObject({ code: 0 });
      expect(peeked).toMatchObject({ code: 0, stdout: 'one' });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(await direct.lrange(names.live, 0, -1)).toEqual(['two', 'one']);
    expect(await direct.lrange(names.silent, 0, -1)).toEqual(['one']);
    expect(await direct.llen(`${bull}:wait`)).toBe(1);
  });

  it('a slot that no node serves: its queues are 5, whether the others are served or not', async () => {
    const everywhere = async (work: (node: Redis) => Promise<unknown>): Promise<void> => {
      for (const { url: node } of cluster.masters) {
        const one = new Redis(node);
        await work(one).finally(() => one.disconnect());
      }
    };
    await direct.lpush('served', 'one');
    await direct.lpush('unserved', 'one');
    const slot = Number(await direct.cluster('KEYSLOT', 'unserved'));
    const owner = cluster.masters[Math.floor(slot / (16_384 / 3))];
    const state = (is: string) => (node: Redis) =>
      expect.poll(() => node.cluster('INFO'), { timeout: 10_000 }).toContain(`cluster_state:${is}`);
    await everywhere((node) => node.cluster('DELSLOTS', slot));
    try {
      await everywhere(state('fail'));
      const down = /the cluster is down, or no node of it serves the slot of this key/;
      const verbs = [['ls'], ['enqueue', 'unserved', 'x'], ['purge', 'served', '--yes']];
      await Promise.all(verbs.map((verb) => refused([...at, ...verb], 5, down)));
      await everywhere((node) => node.config('SET', 'cluster-require-full-coverage', 'no'));
      await everywhere(state('ok'));
      const listed = await runMq([...at, 'ls', 'served', 'unserved', '-o', 'json']);
      expect(listed).toMatchObject({ code: 5, stderr: expect.stringMatching(down) });
      expect(JSON.parse(listed.stdout)).toMatchObject([{ queue: 'served', ready: 1 }]);
      await refused([...at, 'move', 'served', 'unserved', '--yes'], 5, down);
      expect(await direct.lrange('served', 0, -1)).toEqual(['one']);
    } finally {
      await everywhere((node) => node.config('SET', 'cluster-require-full-coverage', 'yes'));
      if (owner !== undefined) {
        const node = new Redis(owner.url);
        await node.cluster('ADDSLOTS', slot).finally(() => node.disconnect());
      }
      await everywhere(state('ok'));
    }
  });
});

describe('variables that make libraries talk', () => {
  it.each(['DEBUG', 'NODE_DEBUG'])('%s=* prints neither the password nor a body', async (name) => {
    const server = await serverWith({ user: [`talker on >${PASSWORD} ~* &* +@all`] });
    const address = server.url.replace('redis://', `redis://talker:${encodeURIComponent(PASSWORD)}@`);
    const run = (...args: readonly string[]) =>
      runMq(['--url', `${address}?kind=list`, ...args], { env: { [name]: '*' } });
    for (const args of [['enqueue', 'orders', 'body-of-secrets'], ['ls'], ['purge', 'orders', '--yes']]) {
      const { code, stdout, stderr } = await run(...args);
      expect(code, stderr).toBe(0);
      expectClean(stderr);
      expect(stdout + stderr).not.toMatch(/body-of-secrets|hunter2/);
    }
  });
});
