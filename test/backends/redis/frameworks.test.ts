import { deflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { pythonWith } from '../../support/python.ts';
import {
  after,
  client,
  connection,
  moveRequest,
  notice,
  open,
  peek,
  queue,
  signal,
  url,
} from '../../support/redis/lab.ts';

const python = await pythonWith('celery==5.5.3', 'redis==5.2.1', 'rq==2.6.0');

async function listed(pattern: string, parameters = ''): Promise<readonly QueueStats[]> {
  const rows: QueueStats[] = [];
  for await (const row of (await open(parameters)).queues(queuePattern([pattern]), { notice, signal })) rows.push(row);
  return rows;
}

/** What becomes of bodies that are sent. */
async function send(name: string, ...bodies: readonly (string | Buffer)[]) {
  const publisher = await (await queue(name)).publisher?.({ expected: null, lossy: false, notice, signal });
  const outcomes = await Promise.all(bodies.map((body) => publisher?.send(outgoing({ body: Buffer.from(body) }))));
  await publisher?.close();
  return outcomes.map((outcome) => outcome?.status);
}

const CELERY = `
import os, sys
from celery import Celery
from kombu import Queue
app = Celery('shop', broker=sys.argv[1])
app.conf.task_queues = [Queue('mails'), Queue('bills', exchange='money', routing_key='bill')]
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True

@app.task(name='shop.mail')
def mail(n):
    os.write(1, b'ran %d;' % n)
`;

it('Celery: its own queues, tasks of other priorities, and nothing that its worker would die of', async () => {
  await client.flushdb();
  const sends = `
with app.connection_for_write() as c:
    for n, priority in ((1, 0), (2, 0), (3, 3), (4, 9)): mail.apply_async((n,), queue='mails', priority=priority, connection=c)
    mail.apply_async((5,), queue='bills', connection=c)
`;
  await python.run(CELERY + sends, url);
  // What a running worker leaves besides (kombu's own keys, as seen with celery 5.5 and flower).
  const separator = '\x06\x16';
  await client.sadd('_kombu.binding.celery.pidbox', `${separator}${separator}celery@host.celery.pidbox`);
  await client.sadd('_kombu.binding.celeryev', `worker.#${separator}${separator}celeryev.7d7a1a9c`);
  const rows = await listed('*');
  expect(rows.map(({ queue: name }) => name)).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/pidbox|celeryev/)]),
  );
  const mails = rows.find(({ queue: name }) => name === 'mails');
  expect(mails?.ready).toBe(2);
  expect(mails?.notes.ready).toMatch(
    /^2 more wait in the lists of other priorities.*1 of priority 3 in .*1 of priority 9 in /,
  );
  expect((await (await queue('mails')).stats(signal)).notes.ready).toBe(mails?.notes.ready);
  expect((await (await queue('bills')).describe(signal)).configuration).toMatchObject({ framework: 'Celery' });

  const before = await client.lrange('mails', 0, -1);
  expect(await send('mails', '{"order":42}', 'text', before[0] ?? '')).toEqual(['failed', 'failed', 'sent']);
  expect(await client.llen('mails')).toBe(3);
  // Nor by way of a move of lists, which the server could do by itself.
  await client.lpush('plain', '{"order":42}');
  const plain = await queue('plain');
  expect(await plain.nativeMove?.(moveRequest({ to: await (await open()).queue('mails', signal) }))).toBeNull();

  const worker = python.start([
    '-c',
    `${CELERY}\napp.worker_main(['worker', '-P', 'solo', '-Q', 'mails', '--without-mingle', '--without-gossip', '-l', 'error'])`,
    url,
  ]);
  let seen = '';
  worker.process.stdout?.on('data', (chunk) => {
    seen += chunk;
  });
  try {
    await expect.poll(() => seen.match(/ran \d/g)?.length, { timeout: 45_000 }).toBe(5);
    const names = (await listed('*')).map(({ queue: name }) => name);
    expect(names).toEqual(['bills', 'mails', 'plain']);
  } finally {
    worker.process.kill('SIGKILL');
    await worker.finished;
  }
});

it('Celery: an empty queue that is bound to an exchange of another name is found by its name, as it is listed', async () => {
  await client.flushdb();
  await client.sadd('_kombu.binding.money', 'bill\x06\x16\x06\x16bills');
  expect((await listed('*')).map(({ queue: name }) => name)).toEqual(['bills']);
  expect(await (await queue('bills')).stats(signal)).toMatchObject({ ready: 0, kind: 'list' });
});

it('Celery: tasks that workers hold are said', async () => {
  await client.flushdb();
  await client.sadd('_kombu.binding.celery', 'celery\x06\x16\x06\x16celery');
  await client.hset(
    'unacked',
    'tag-1',
    JSON.stringify([{ body: '' }, '', 'celery']),
    'tag-2',
    '["",',
    'tag-3',
    '[{}, "", "other"]',
  );
  expect((await (await queue('celery')).stats(signal)).notes.inFlight).toContain('hold 1 of this queue');
});

const RQ = `
import sys
from redis import Redis
from rq import Queue, Worker, SimpleWorker
redis = Redis(host=sys.argv[1], port=int(sys.argv[2]))
queue = Queue('default', connection=redis)
`;

it('RQ: errors of failed jobs in either form, jobs that are not in the list, and ids that are no job', async () => {
  await client.flushdb();
  const script = `${RQ}
from datetime import timedelta
queue.enqueue('math.sqrt', -1)
queue.enqueue('math.sqrt', 'x')
SimpleWorker([queue], connection=redis).work(burst=True, logging_level='CRITICAL')
queue.enqueue_in(timedelta(hours=1), 'math.sqrt', 4)
job = queue.enqueue('math.sqrt', 4)
queue.enqueue('math.sqrt', 4, depends_on=job)
print(job.id)
`;
  const id = (await python.run(script, connection.host, String(connection.port))).trim().split('\n').at(-1) ?? '';
  const trace = 'Traceback (most recent call last):\n  File "t.py", line 1\nValueError: card expired\n';
  await client.hset('rq:job:old', 'exc_info', deflateSync(trace), 'origin', 'default');
  await client.hset('rq:job:bomb', 'exc_info', deflateSync(Buffer.alloc(8 * 1024 * 1024)), 'origin', 'default');
  await client.zadd('rq:failed:default', 1_795_806_190, 'old', 1_795_806_191, 'bomb');
  const handle = await queue('rq:queue:default');
  const errors = (await peek(handle, { state: 'dead' })).map(({ dead }) => dead?.error);
  expect(errors).toHaveLength(4);
  expect(errors).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^ValueError: (math domain error|expected a nonnegative)/),
      'TypeError: must be real number, not str',
      'ValueError: card expired',
      null,
    ]),
  );
  const { notes, ready, dead } = await handle.stats(signal);
  expect({ ready, dead }).toEqual({ ready: 1, dead: 4 });
  expect(notes.delayed).toBe(
    '1 job waits for its time (rq:scheduled:default), 1 job waits for other jobs (rq:deferred:default)',
  );
  expect(await send('rq:queue:default', 'no-such-job', id)).toEqual(['failed', 'sent']);
});

it('Sidekiq: the sets that are one for all queues, and what of them is no JSON', async () => {
  await client.flushdb();
  const job = (jid: string, name: string) => JSON.stringify({ class: 'W', args: [1], jid, queue: name });
  await client.sadd('queues', 'default');
  await client.zadd('dead', 1, job('d1', 'default'), 2, '{"class":"W","args":[3', 3, job('d2', 'other'));
  await client.zadd('retry', 1, job('r1', 'default'), 2, job('r2', 'other'), 3, 'no json');
  await client.zadd('schedule', 1, job('s1', 'default'), 2, job('s2', 'default'));
  const handle = await queue('queue:default', '?as=sidekiq');
  const { dead, notes } = await handle.stats(signal);
  expect(dead).toBe(1);
  expect(await peek(handle, { state: 'dead' })).toHaveLength(1);
  expect(notes.dead).toContain('1 job of Sidekiq');
  expect(notes.delayed).toBe(
    '1 job waits for another try (the set retry), 1 of the set retry could not be read (no JSON that names a queue), 2 jobs wait for their time (the set schedule)',
  );
  expect(await send('queue:default', '{"order":42}', job('n1', 'default'))).toEqual(['failed', 'sent']);
});

it('Laravel: the mark beside a queue is none, and a queue all of whose jobs wait is one', async () => {
  await client.flushdb();
  const job = JSON.stringify({
    uuid: '1',
    displayName: 'App\\Jobs\\Mail',
    job: 'Illuminate\\Queue\\CallQueuedHandler@call',
    data: {},
  });
  await client.rpush('shop_database_queues:default', job);
  await client.rpush('shop_database_queues:default:notify', '1');
  await client.rpush('shop_database_queues:late:notify', '1');
  await client.zadd('shop_database_queues:late:delayed', 1_895_806_190, job);
  await client.zadd('shop_database_queues:default:reserved', 1_895_806_190, job);
  const rows = await listed('*');
  expect(rows.map(({ queue: name, ready }) => [name, ready])).toEqual([
    ['shop_database_queues:default', 1],
    ['shop_database_queues:late', 0],
  ]);
  expect(rows[0]?.notes.inFlight).toContain('1 job is with a worker');
  expect(rows[1]?.notes.delayed).toContain('1 job waits');
  expect(await (await queue('shop_database_queues:late')).stats(signal)).toMatchObject({ ready: 0 });
  await client.call('ACL', 'SETUSER', 'nozcard', 'reset', 'on', '>pw', '~*', '&*', '+@all', '-zcard');
  after(() => client.call('ACL', 'DELUSER', 'nozcard'));
  const theirs = await open('', url.replace('redis://', 'redis://nozcard:pw@'));
  const seen = await (await theirs.queue('shop_database_queues:default', signal)).stats(signal);
  expect(seen.notes.inFlight).toContain('unknown how many jobs');
  await client.call('ACL', 'SETUSER', 'nozcard', '-scan');
  await expect(theirs.queue('no-such-queue', signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
  expect(await send('shop_database_queues:default', '{"order":42}', job)).toEqual(['failed', 'sent']);
  // At the end away from its workers, which take from the left.
  expect(await client.lrange('shop_database_queues:default', 0, -1)).toEqual([job, job]);
});
