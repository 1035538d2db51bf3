import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { RawAmqp } from '../../support/rabbitmq/raw-amqp.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

let vhost: RabbitmqVhost;
let mq: CommandLine;
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  mq = await CommandLine.open();
});
afterAll(async () => {
  await mq.close();
  await vhost.remove();
});

/** The bodies in a queue, in order; takes them out. */
async function taken(raw: RawAmqp, queue: string): Promise<string[]> {
  const bodies: string[] = [];
  for (let message = await raw.get(queue); message !== null; message = await raw.get(queue))
    bodies.push(message.body.toString());
  return bodies;
}

describe('drain --exec on a quorum queue, where every command fails', () => {
  // A command that ends at once, and one that takes longer than the queue takes to look empty; one at a time, and more
  // at a time than there are messages.
  test.each([
    ['false', '1'],
    ['sleep 0.2; false', '1'],
    ['false', '4'],
    ['sleep 0.2; false', '4'],
  ])('%s, %s at a time: each message has all of its deliveries, then it is dead', async (command, jobs) => {
    // Under load, a broker may need long to make a quorum queue.
    const target = ['--url', vhost.mqUrl, '--timeout', '30s'];
    await using raw = await RawAmqp.open(vhost.url);
    for (let round = 1; round <= 5; round++) {
      const queue = `failed ${command} ${jobs} ${round}`;
      await mq.ok([...target, 'create', queue, '--kind', 'quorum', '--dlq', `${queue} dlq`, '--max-receives', '3']);
      await mq.ok([...target, 'enqueue', queue, '--lines'], { stdin: 'a\nb\n' });
      const exec = `echo "$(cat) $MQ_RECEIVE_COUNT" >&2; ${command}`;
      const ran = await mq.run([...target, 'drain', queue, '--exec', exec, '--jobs', jobs, '-o', 'json']);

      const attempts = ran.stderr.split('\n').filter((line) => /^[ab] \d$/.test(line));
      expect(attempts.toSorted()).toEqual(['a 1', 'a 2', 'a 3', 'b 1', 'b 2', 'b 3']);
      // Nobody stands between the deliveries of one message.
      if (jobs === '1') expect(attempts).toEqual(attempts.toSorted());
      expect(ran.code).toBe(3);
      // The report counts deliveries.
      expect(JSON.parse(ran.stdout)).toMatchObject({ matched: 6, moved: 0, failed: 6, left: 0, complete: true });
      expect(await taken(raw, queue)).toEqual([]);
      const dead: string[] = [];
      await expect
        .poll(async () => {
          dead.push(...(await taken(raw, `${queue} dlq`)));
          return dead.toSorted();
        })
        .toEqual(['a', 'b']);
    }
  });
});

describe.each(['classic', 'quorum'] as const)('drain --exec --max on a %s queue, where every command fails', (kind) => {
  test.each(['1', '3'])('never takes more than so many, %s at a time', async (jobs) => {
    // Under load, a broker may need long to make a quorum queue.
    const target = ['--url', vhost.mqUrl, '--timeout', '30s'];
    await using raw = await RawAmqp.open(vhost.url);
    for (let round = 1; round <= 5; round++) {
      const queue = `bounded ${kind} ${jobs} ${round}`;
      await mq.ok([...target, 'create', queue, '--kind', kind, '--dlq', `${queue} dlq`]);
      await mq.ok([...target, 'enqueue', queue, '--lines'], { stdin: 'a\nb\nc\nd\ne\nf\n' });
      const ran = await mq.run([
        ...[
          ...target,
          'drain',
          queue,
          '--exec',
          'echo "$(cat)" >&2; false',
          '--max',
          '4',
          '--jobs',
          jobs,
          '-o',
          'json',
        ],
      ]);
      expect(ran.code, ran.stderr).toBe(3);
      expect(JSON.parse(ran.stdout)).toMatchObject({ matched: 4, failed: 4, left: 0 });
      if (kind === 'quorum') {
        const looked = await mq.ok([...target, 'peek', queue, '-o', 'json']);
        const counts: { readonly receiveCount: number }[] = JSON.parse(looked.stdout);
        expect(counts.reduce((sum, { receiveCount }) => sum + receiveCount, 0)).toBe(4);
      } else {
        // What was handed out is marked, and no other.
        const tried = new Set(ran.stderr.split('\n').filter((line) => /^[a-f]$/.test(line)));
        const touched: string[] = [];
        for (let message = await raw.get(queue); message !== null; message = await raw.get(queue))
          if (message.redelivered) touched.push(message.body.toString());
        expect(touched.toSorted()).toEqual([...tried].toSorted());
      }
    }
  });

  test('takes as many as it says, also when failures bring the same ones again, as they do where deliveries are counted', async () => {
    // Under load, a broker may need long to make a quorum queue.
    const target = ['--url', vhost.mqUrl, '--timeout', '30s'];
    for (let round = 1; round <= 5; round++) {
      const queue = `again ${kind} ${round}`;
      await mq.ok([...target, 'create', queue, '--kind', kind, '--dlq', `${queue} dlq`]);
      await mq.ok([...target, 'enqueue', queue, '--lines'], { stdin: 'a\nb\n' });
      const ran = await mq.run([...target, 'drain', queue, '--exec', 'false', '--max', '5', '-j', '4', '-o', 'json']);
      const tried = kind === 'quorum' ? 5 : 2;
      expect(ran.code, ran.stderr).toBe(3);
      expect(JSON.parse(ran.stdout)).toMatchObject({ matched: tried, failed: tried, left: 0, complete: true });
    }
  });
});

// A classic queue counts no deliveries and puts what is rejected in front again: the first one that fails would be
// tried for ever, and no other.
describe('drain --exec on a classic queue', () => {
  test.each(['1', '4'])(
    'tries each message once, %s at a time, and gives back those that failed, in order',
    async (jobs) => {
      const target = ['--url', vhost.mqUrl];
      await using raw = await RawAmqp.open(vhost.url);
      const queue = `once ${jobs}`;
      const bodies = Array.from({ length: 300 }, (_, n) => String(n));
      await mq.ok([...target, 'create', queue, '--kind', 'classic']);
      await mq.ok([...target, 'enqueue', queue, '--lines'], { stdin: bodies.join('\n') });
      const exec = 'n=$(cat); case $n in *7) exit 0;; esac; exit 1';
      const ran = await mq.run([...target, 'drain', queue, '--exec', exec, '--jobs', jobs, '-o', 'json']);
      expect(ran.code).toBe(3);
      expect(JSON.parse(ran.stdout)).toMatchObject({ matched: 300, moved: 30, failed: 270, left: 0, complete: true });
      expect(await taken(raw, queue)).toEqual(bodies.filter((body) => !body.endsWith('7')));
    },
  );

  test.each([
    ['--idle', '300ms'],
    ['--follow', '--idle', '300ms'],
  ])(
    'with %s %s a message that always fails keeps neither the others waiting nor the worker from its end',
    async (...flags) => {
      const target = ['--url', vhost.mqUrl];
      await using raw = await RawAmqp.open(vhost.url);
      const queue = `idle ${flags.length}`;
      await mq.ok([...target, 'create', queue, '--kind', 'classic']);
      await mq.ok([...target, 'enqueue', queue, '--lines'], { stdin: 'bad\n1\n2\nbad too\n3\n' });
      const exec = 'case $(cat) in bad*) exit 1;; esac';
      const ran = await mq.run([...target, 'drain', queue, '--exec', exec, ...flags, '-o', 'json']);
      expect(ran.code).toBe(3);
      expect(JSON.parse(ran.stdout)).toMatchObject({ matched: 5, moved: 3, failed: 2, left: 0, complete: true });
      expect(await taken(raw, queue)).toEqual(['bad', 'bad too']);
    },
  );

  test('with --follow a message that always fails is tried quickly 20 times, then after pauses, and is there when the worker is stopped', async () => {
    const target = ['--url', vhost.mqUrl];
    await using raw = await RawAmqp.open(vhost.url);
    await mq.ok([...target, 'create', 'poison', '--kind', 'classic']);
    await mq.ok([...target, 'enqueue', 'poison', 'x']);
    const starts: number[] = [];
    const ran = await mq.run([...target, 'drain', 'poison', '--exec', 'date +%s%3N; false', '--follow'], {
      onStdout: (text, stop) => {
        for (const line of text.split('\n')) if (/^\d+$/.test(line)) starts.push(Number(line));
        if (starts.length === 22) stop('SIGTERM');
      },
    });
    expect(ran.code).toBe(143);
    const pause = (attempt: number): number => (starts[attempt] ?? Number.NaN) - (starts[attempt - 1] ?? Number.NaN);
    expect(pause(20)).toBeGreaterThanOrEqual(1000);
    expect(pause(21)).toBeGreaterThanOrEqual(2000);
    expect(ran.stderr).toContain('20 attempts have failed: from now on, mq pauses before each attempt');
    expect(await taken(raw, 'poison')).toEqual(['x']);
  });
});
