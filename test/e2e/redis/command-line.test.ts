import { Queue as BullQueue, Worker } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { lookAtQueue } from '../../../src/top/work/look.ts';
import { CommandLine, type Ran } from '../../support/command-line.ts';
import { jsonOf, runMq } from '../../support/mq.ts';
import { after, client, connection, fresh, open, signal, url } from '../../support/redis/lab.ts';
import { monitorRedis } from '../../support/redis/monitor.ts';

const at = (parameters = ''): readonly string[] => ['--url', `${url}${parameters}`];

async function bull(name: string): Promise<BullQueue> {
  const made = new BullQueue(name, { connection });
  after(() => made.close());
  await made.waitUntilReady();
  await made.getVersion();
  return made;
}

/** A real worker works until it has seen `count` jobs. */
async function work(name: string, count: number, processor: (data: unknown) => Promise<void>): Promise<void> {
  const done = Promise.withResolvers<void>();
  let seen = 0;
  const one = (): void => {
    seen += 1;
    if (seen === count) done.resolve();
  };
  const worker = new Worker(name, ({ data }) => processor(data), { connection });
  worker.on('completed', one).on('failed', one);
  await done.promise;
  await worker.close();
}

it('a mistyped queue gets the nearest name, and what else it may be', async () => {
  const { name } = await bull(fresh('mistyped'));
  const { code, stderr } = await runMq([...at(), 'peek', `${name}x`]);
  expect(code).toBe(4);
  expect(stderr).toContain(`hint: did you mean ${name}? Otherwise: an empty Redis list does not exist`);
});

it('inspect and the overview of top show what a user may read, and why the rest is not there', async () => {
  const queue = await bull(fresh('rights'));
  await queue.add('a', {});
  const user = fresh('user');
  await client.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', '~*', '&*', '+@all', '-pttl');
  after(() => client.call('ACL', 'DELUSER', user));
  const theirs = url.replace('redis://', `redis://${user}:pw@`);
  const why = expect.stringMatching(/may not run PTTL/);
  expect(await jsonOf(['--url', theirs, 'inspect', queue.name, '-o', 'json'])).toMatchObject({
    stats: { ready: 1 },
    configuration: null,
    consumers: null,
    deadLetters: { keptIn: { place: 'state' } },
    notes: { configuration: why },
  });
  const { code, stdout } = await runMq(['--url', theirs, 'inspect', queue.name]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^configuration\t\? \(.*PTTL/m);
  expect(stdout).toMatch(/^consumers\t\?$/m);
  expect(await lookAtQueue(await open('', theirs), queue.name, signal)).toMatchObject({
    status: 'ready',
    data: { description: { configuration: { 'could not be read': why } }, links: ['kept in the queue itself'] },
  });
  // Of a queue of which nothing may be read nothing is shown.
  await client.call('ACL', 'SETUSER', user, '-xinfo');
  const { notes } = (await jsonOf<[{ notes: object }]>(['--url', theirs, 'stats', queue.name, '-o', 'json']))[0];
  expect(notes).toMatchObject({ rates: expect.stringContaining('may not run XINFO STREAM') });
  await client.call('ACL', 'SETUSER', user, '-zcard', '-llen');
  expect(await runMq(['--url', theirs, 'inspect', queue.name])).toMatchObject({ code: 6, stdout: '' });
});

it.each(['list', 'bullmq', 'redis-stream'])(
  'what a user may not add is exit 6, where nothing was done: %s',
  async (kind) => {
    const [from, to, user] = [fresh('from'), fresh('to'), fresh('user')];
    if (kind === 'bullmq') for (const name of [from, to]) await (await bull(name)).add('a', {});
    else if (kind === 'list') for (const name of [from, to]) await client.lpush(name, 'a');
    else for (const name of [from, to]) await client.xadd(name, '*', 'body', 'a');
    await client.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', `~*${from}*`, '%R~*', '&*', '+@all');
    after(() => client.call('ACL', 'DELUSER', user));
    const theirs = ['--url', url.replace('redis://', `redis://${user}:pw@`)];
    const job = kind === 'bullmq' ? ['{}', '--name', 'a'] : ['x'];
    expect(await runMq([...theirs, 'enqueue', to, ...job])).toMatchObject({ code: 6 });
    if (kind !== 'redis-stream') expect(await runMq([...theirs, 'move', from, to, '--yes'])).toMatchObject({ code: 6 });
    expect(await runMq([...theirs, 'copy', from, to, '--yes'])).toMatchObject({ code: 6 });
  },
);

it('a question names the queue that has to be typed; delete says what stays, and whose dead letters go there', async () => {
  const name = fresh('both');
  await client.lpush(name, 'a', 'b');
  await client.lpush(`${name}:dead`, 'c');
  const mq = await CommandLine.open();
  after(() => mq.close());
  const ask = async (...args: string[]): Promise<Ran> => {
    const ran = await mq.run([...at('?dlq=*:dead'), ...args], {
      terminals: { stdin: true, stderr: true },
      answers: ['no'],
    });
    expect(ran.code).toBe(1);
    return ran;
  };
  const typed = (queue: string): readonly string[] => [`Type the queue's name (${queue}) to go on: `];
  const queue = await ask('delete', name);
  expect(queue.questions).toEqual(typed(name));
  expect(queue.stderr).toContain('with everything in it: 2 messages. This cannot be undone.');
  expect(queue.stderr).toContain(`\n  1 dead letter in ${name}:dead stays there.\n`);
  const holder = await ask('delete', `${name}:dead`);
  expect(holder.questions).toEqual(typed(`${name}:dead`));
  expect(holder.stderr).toContain(`\n  The dead letters of ${name} go here.\n`);
  expect(holder.stderr).not.toMatch(/stays? there/);
  const purged = await ask('purge', name, '--dead');
  expect(purged.stderr).toContain(`Purge 1 message in ${name}:dead`);
  expect(purged.questions).toEqual(typed(`${name}:dead`));
});

it('what another mq is taking out is not looked at, and the report is not complete', async () => {
  const name = fresh('held');
  await client.rpush(name, '1', '2');
  await client.set(`mq:lease:${name}`, 'another');
  const { code, stdout, stderr } = await runMq([...at(), 'drain', name, '--to', '/dev/null', '-o', 'json']);
  expect(stderr).toContain(`another mq is taking messages out of ${name}; nothing was taken here`);
  expect(JSON.parse(stdout)).toMatchObject({ moved: 0, complete: false });
  expect(code).toBe(3);
});

describe('enqueue into BullMQ', () => {
  it('name, id, delay, priority, attempts, backoff and deduplication are what the library reads', async () => {
    const queue = await bull(fresh('flags'));
    const enqueue = (...args: string[]) => runMq([...at(), 'enqueue', queue.name, '{"to":"a@b"}', ...args]);
    const flags = ['--attempts', '5', '--backoff', 'exponential:1s', '--priority', '7'];
    expect(await enqueue('--name', 'send', '--id', 'mail-1', ...flags)).toMatchObject({ code: 0, stdout: 'mail-1\n' });
    expect(await queue.getJob('mail-1')).toMatchObject({
      name: 'send',
      data: { to: 'a@b' },
      priority: 7,
      opts: { attempts: 5, backoff: { type: 'exponential', delay: 1000 }, priority: 7 },
    });
    expect(await queue.getJobState('mail-1')).toBe('prioritized');

    expect(await enqueue('--id', 'later', '--delay', '1h', '--backoff', 'fixed:5s')).toMatchObject({ code: 0 });
    expect(await queue.getJobState('later')).toBe('delayed');
    expect(await queue.getJob('later')).toMatchObject({
      delay: 3_600_000,
      opts: { backoff: { type: 'fixed', delay: 5000 } },
    });

    const first = await enqueue('--dedup', 'only-one');
    const second = await enqueue('--dedup', 'only-one');
    expect(second).toMatchObject({ code: 0, stdout: first.stdout });
    expect(await queue.getDeduplicationJobId('only-one')).toBe(first.stdout.trim());
    expect(await queue.getJobCounts('waiting', 'prioritized', 'delayed')).toMatchObject({
      waiting: 1,
      prioritized: 1,
      delayed: 1,
    });
  });

  it('refuses what a job cannot hold before anything is sent, and takes lines', async () => {
    const queue = await bull(fresh('refused'));
    const enqueue = (args: readonly string[], input: string) =>
      runMq([...at(), 'enqueue', queue.name, ...args], { input });
    expect(await enqueue(['-H', 'a=b'], '{}')).toMatchObject({ code: 7, stderr: expect.stringContaining('headers') });
    expect(await enqueue([], 'no json')).toMatchObject({ code: 7, stderr: expect.stringContaining('not JSON') });
    expect(await enqueue(['--id', '17'], '{}')).toMatchObject({ code: 7, stderr: expect.stringContaining('an id') });
    expect(await queue.count()).toBe(0);
    expect(await enqueue(['--lines', '-q'], '{"n":1}\n{"n":2}\n')).toMatchObject({ code: 0 });
    expect((await queue.getWaiting()).map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }]);
  });
});

it('redrive with filter, max and rate: exactly those jobs, attempts anew, priority kept, and the worker completes them', async () => {
  const queue = await bull(fresh('emails'));
  const jobs = Array.from({ length: 60 }, (_, n) => ({
    name: 'send',
    data: { n },
    opts: { attempts: 2, priority: (n % 5) + 1 },
  }));
  await queue.addBulk(jobs);
  const reason = (data: unknown): string => ((data as { n: number }).n % 2 === 0 ? 'connect ETIMEDOUT' : 'bad address');
  await work(queue.name, 120, async (data) => {
    throw new Error(reason(data));
  });
  expect(await queue.getFailedCount()).toBe(60);
  const start = performance.now();
  const report = await jsonOf([
    ...[...at(), 'redrive', queue.name, '--filter', 'dead.error.contains("ETIMEDOUT")'],
    ...['--max', '20', '--rate', '50/s', '--yes', '-o', 'json'],
  ]);
  expect(report).toMatchObject({
    ...{ operation: 'redrive', moved: 20, failed: 0, unknown: 0, native: true, guarantee: 'atomic', complete: true },
  });
  // The first page goes at once, the last when 50/s allows it.
  expect(performance.now() - start).toBeGreaterThan(300);
  const waiting = await queue.getPrioritized();
  expect(waiting).toHaveLength(20);
  for (const job of waiting) {
    expect(job).toMatchObject({ attemptsMade: 0, priority: (job.data.n % 5) + 1 });
    expect(job.data.n % 2).toBe(0);
  }
  await work(queue.name, 20, async () => {});
  expect(await queue.getJobCounts('completed', 'failed')).toMatchObject({ completed: 20, failed: 40 });
});

describe('--unwrap', () => {
  it('gives the queue the original of each wrapped job, and only there', async () => {
    const main = await bull(fresh('wrapped'));
    const dlq = await bull(`${main.name}-dlq`);
    await dlq.add('dead', {
      originalJob: { id: '9', name: 'send', data: { to: 'a@b', n: 1.5 }, opts: { attempts: 5, priority: 2 } },
      reason: 'ETIMEDOUT',
    });
    const redrive = (queue: string, ...args: string[]) =>
      runMq([...at(), 'redrive', queue, '--unwrap', ...args, '--yes', '-o', 'json']);
    expect(await redrive(main.name)).toMatchObject({ code: 7, stderr: expect.stringContaining('wrapped') });
    expect(await redrive(dlq.name, '--dry-run')).toMatchObject({ code: 0 });
    expect(await dlq.count()).toBe(1);
    const done = await redrive(dlq.name);
    expect(done).toMatchObject({ code: 0 });
    expect(JSON.parse(done.stdout)).toMatchObject({
      moved: 1,
      failed: 0,
      to: [main.name],
      guarantee: 'at-least-once',
      native: false,
    });
    expect(await dlq.count()).toBe(0);
    const [job] = await main.getPrioritized();
    expect(job).toMatchObject({ name: 'send', data: { to: 'a@b', n: 1.5 }, priority: 2, opts: { attempts: 5 } });
  });

  it('is refused where nothing can be wrapped', async () => {
    const name = fresh('list');
    await client.lpush(name, 'x');
    const args = ['redrive', name, '--unwrap', '--yes'];
    expect(await runMq([...at(), ...args])).toMatchObject({ code: 7 });
    const other = await runMq(['--url', 'sqlite::memory:', ...args]);
    expect(other).toMatchObject({ code: 7, stderr: expect.stringContaining('--unwrap') });
  });
});

describe('bulk', () => {
  it.each(['list', 'stream'] as const)(
    '20,000 lines into a %s arrive once, in order, each with its id told',
    async (kind) => {
      const name = fresh('bulk');
      if (kind === 'stream') await client.xgroup('CREATE', name, 'g', '0', 'MKSTREAM');
      const lines = Array.from({ length: 20_000 }, (_, n) => `${n} ${'é'.repeat(n % 50)}`);
      const sent = await runMq([...at(`?kind=${kind}`), 'enqueue', name, '--lines'], {
        input: `${lines.join('\n')}\n`,
      });
      expect(sent).toMatchObject({ code: 0, stderr: '' });
      const told = sent.stdout.trimEnd().split('\n');
      if (kind === 'list') {
        expect(told).toEqual(lines.map(() => '-'));
        expect((await client.lrange(name, 0, -1)).reverse()).toEqual(lines);
      } else {
        const entries = await client.xrange(name, '-', '+');
        expect(entries.map(([, fields]) => fields)).toEqual(lines.map((line) => ['body', line]));
        expect(told).toEqual(entries.map(([id]) => id));
      }
    },
  );

  it('a broken line: those before it are sent and told', async () => {
    const name = fresh('broken');
    const input = '{"body":"a"}\n{"body":"b"}\nnot an envelope\n{"body":"c"}\n';
    const sent = await runMq([...at('?kind=list'), 'enqueue', name, '--ndjson'], { input });
    expect(sent).toMatchObject({ code: 3, stdout: '-\n-\n', stderr: expect.stringContaining('line 3') });
    expect(await client.lrange(name, 0, -1)).toEqual(['b', 'a']);
  });
});

describe('a filtered move between two lists', () => {
  /** How often a script ran over this list while `work` did: each looks at one window. */
  async function scriptsOver<T>(
    key: string,
    work: () => Promise<T>,
  ): Promise<{ readonly count: number; readonly result: T }> {
    const monitor = await monitorRedis(connection);
    try {
      const result = await work();
      const scripts = (await monitor.seen()).filter(
        ([name, ...args]) => /^EVAL(SHA)?$/.test(name) && args.includes(key),
      );
      return { count: scripts.length, result };
    } finally {
      monitor.close();
    }
  }

  it.each([
    ['all', 'true', (): boolean => true],
    ['one in ten', 'string(body).endsWith("7")', (n: number): boolean => n % 10 === 7],
  ])('%s of 20,000: goes once through the source, and keeps the order on both sides', async (_, filter, isChosen) => {
    const [from, to] = [fresh('from'), fresh('to')];
    const numbers = Array.from({ length: 20_000 }, (__, n) => n);
    await client.lpush(from, ...numbers);
    const args = ['move', from, to, '--filter', filter, '--yes', '-o', 'json'];
    const { count, result: moved } = await scriptsOver(from, () => runMq([...at('?kind=list'), ...args]));
    const chosen = numbers.filter(isChosen);
    expect(JSON.parse(moved.stdout)).toMatchObject({
      moved: chosen.length,
      left: 20_000 - chosen.length,
      native: true,
    });
    expect((await client.lrange(to, 0, -1)).reverse().map(Number)).toEqual(chosen);
    expect((await client.lrange(from, 0, -1)).reverse().map(Number)).toEqual(numbers.filter((n) => !isChosen(n)));
    // A script for each 500 chosen, however many are looked at; one asks for the right to remove.
    expect(count).toBeLessThanOrEqual(chosen.length / 500 + 5);
  });

  it('of large elements few are read at a time', async () => {
    const [from, to] = [fresh('from'), fresh('to')];
    for (let n = 0; n < 64; n++) await client.lpush(from, `${n} ${'x'.repeat(1_000_000)}`);
    const args = ['move', from, to, '--yes', '-o', 'json'];
    const { count, result: moved } = await scriptsOver(from, () => runMq([...at('?kind=list'), ...args]));
    expect(JSON.parse(moved.stdout)).toMatchObject({ moved: 64, native: true });
    // One asks for the right to remove; 32, and then eight at a time.
    expect(count).toBe(6);
    expect((await client.lrange(to, 0, -1)).reverse().map((element) => Number.parseInt(element, 10))).toEqual(
      Array.from({ length: 64 }, (_, n) => n),
    );
    await client.del(from, to);
  });
});

describe('create with a dead-letter queue', () => {
  it('is refused where Redis would forget the link, and done where the URL names it', async () => {
    const name = fresh('linked');
    const create = (parameters: string, ...kind: string[]) =>
      runMq([...at(parameters), 'create', name, ...kind, '--dlq', `${name}:dead`]);
    const stream = await create('', '--kind', 'stream');
    expect(stream).toMatchObject({ code: 7, stderr: expect.stringContaining('?dlq=NAME') });
    const bullmq = await create('?dlq=*:dead', '--kind', 'bullmq');
    expect(bullmq).toMatchObject({ code: 7, stderr: expect.stringContaining('leave --dlq out') });
    expect(await client.exists(name, `${name}:dead`, `bull:${name}:meta`)).toBe(0);

    const linked = await create('?dlq=*:dead', '--kind', 'stream');
    expect(linked).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`whose dead letters go to ${name}:dead,`),
    });
    after(() => client.del(name, `${name}:dead`));
    expect(await client.exists(name, `${name}:dead`)).toBe(2);
  });
});
