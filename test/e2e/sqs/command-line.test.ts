import { describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import type { Report } from '../../../src/core/report.ts';
import { until } from '../../support/built-program.ts';
import { type Finished, type Running, startMq } from '../../support/mq.ts';
import { behindProxy } from '../../support/sqs/behind-proxy.ts';
import { type FaultProxy, type FaultyAnswer, refusal } from '../../support/sqs/fault-proxy.ts';
import { bodies, createQueue, fill, never, outgoing, takeAll, uniqueName, urlOf } from '../../support/sqs/harness.ts';

const KEYS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test-secret-key' };
const NOBODY = { AWS_EC2_METADATA_DISABLED: 'true' };

let proxy: FaultProxy;
let broker: Broker;

function connectTo(emulator: 'fauxqs' | 'localSqs'): void {
  behindProxy(emulator, (made) => {
    ({ proxy, broker } = made);
  });
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = KEYS, input?: string): Running {
  return startMq(['--url', urlOf(proxy.url), ...args], {
    env: { ...NOBODY, ...env },
    ...(input === undefined ? {} : { input }),
  });
}

async function mq(args: readonly string[], env?: Readonly<Record<string, string>>, input?: string): Promise<Finished> {
  const finished = await start(args, env, input).finished;
  expect(finished.stdout + finished.stderr).not.toContain('test-secret-key');
  return finished;
}

describe('the built program on the emulator fauxqs', () => {
  connectTo('fauxqs');

  async function filled(texts: readonly string[], maxReceives = 5): Promise<{ queue: Queue; dead: Queue }> {
    const deadName = uniqueName('cli-dlq');
    const queue = await createQueue(broker, uniqueName('cli'), { deadLetterQueue: deadName, maxReceives });
    const dead = await broker.queue(deadName, never);
    await fill(
      dead,
      texts.map((text) => outgoing(text)),
    );
    return { queue, dead };
  }

  it('without credentials: one clear line, exit 6', async () => {
    const { code, stdout, stderr } = await mq(['ls'], {});
    expect({ code, stdout }).toEqual({ code: 6, stdout: '' });
    expect(stderr).toMatch(/credentials/i);
    expect(stderr).not.toMatch(/\bat .*\.js/);
  });

  it('a name that lacks the suffix of a FIFO queue, or has one too many, gets that queue as the hint', async () => {
    const fifo = uniqueName('suffix', true);
    await createQueue(broker, fifo);
    const standard = uniqueName('plain');
    await createQueue(broker, standard);
    for (const [asked, meant] of [
      [fifo.replace(/\.fifo$/, ''), fifo],
      [`${standard}.fifo`, standard],
    ] as const) {
      for (const verb of ['stats', 'peek']) {
        const { code, stderr } = await mq([verb, asked]);
        expect(code, stderr).toBe(4);
        expect(stderr).toContain(`did you mean ${meant}?`);
      }
    }
  });

  it('an unknown queue: exit 4, by its name', async () => {
    for (const args of [['peek'], ['enqueue', '-'], ['redrive', '--yes'], ['purge', '--yes'], ['inspect']]) {
      const [verb = '', ...rest] = args;
      const { code, stderr } = await mq([verb, 'not-there', ...rest], KEYS, verb === 'enqueue' ? 'x' : undefined);
      expect([verb, code]).toEqual([verb, 4]);
      expect(stderr).toContain('not-there');
    }
  });

  it('FIFO without a group, a delay over 15 minutes, eleven attributes, a body over 1 MiB: exit 7 or 3, and nothing is sent', async () => {
    const fifo = await createQueue(broker, uniqueName('cli', true));
    const plain = await createQueue(broker, uniqueName('cli'));
    const eleven = Array.from({ length: 11 }, (_, i) => ['-H', `h${i}=${i}`]).flat();
    const cases: [readonly string[], RegExp][] = [
      [['enqueue', fifo.name, 'x'], /message group/],
      [['enqueue', plain.name, 'x', '--delay', '16m'], /delay of 960 s.*900 s/],
      [['enqueue', plain.name, 'x', ...eleven], /11 headers: SQS takes 10/],
    ];
    for (const [args, expected] of cases) {
      const { code, stdout, stderr } = await mq(args);
      expect({ code, stdout }).toEqual({ code: 7, stdout: '' });
      expect(stderr).toMatch(expected);
    }
    const large = await mq(['enqueue', plain.name, '--file', '-'], KEYS, 'x'.repeat(1_048_577));
    expect(large.code).not.toBe(0);
    expect(large.stderr).toMatch(/1048577 bytes/);
    expect(proxy.of('SendMessageBatch')).toEqual([]);
  });

  it('FIFO: what was drained is enqueued again with the group that each message had, and without one it is refused by its line', async () => {
    const [from, to] = [
      await createQueue(broker, uniqueName('cli', true)),
      await createQueue(broker, uniqueName('cli', true)),
    ];
    await fill(
      from,
      Array.from({ length: 9 }, (_, i) => outgoing(`m${i}`, { groupId: `g${i % 3}`, deduplicationId: `d${i}` })),
    );
    const drained = await mq(['drain', from.name]);
    expect(drained.code).toBe(0);
    for (const flag of [
      ['--priority', '3'],
      ['--delay', '5s'],
    ]) {
      const refused = await mq(['enqueue', to.name, '--ndjson', ...flag], KEYS, drained.stdout);
      expect({ code: refused.code, stdout: refused.stdout }).toEqual({ code: 7, stdout: '' });
      expect(refused.stderr).toMatch(/^mq: error: kind fifo cannot hold: a (priority|delay)/m);
    }
    const without = await mq(['enqueue', to.name, '--ndjson'], KEYS, `{"body":"x"}\n`);
    expect(without).toMatchObject({ code: 7, stderr: expect.stringMatching(/line 1: .*without a message group/) });
    expect((await mq(['enqueue', to.name, '--ndjson'], KEYS, drained.stdout)).code).toBe(0);
    const arrived = await takeAll(to);
    for (const group of [0, 1, 2]) {
      const ours = arrived.filter(({ groupId }) => groupId === `g${group}`);
      expect(bodies(ours)).toEqual([0, 3, 6].map((i) => `m${i + group}`));
    }
    expect((await mq(['enqueue', to.name, '--ndjson', '--group', 'one'], KEYS, drained.stdout)).code).toBe(0);
  });

  it('peek says its price on stderr, prints the messages on stdout, and leaves all visible', async () => {
    const { queue } = await filled([]);
    await fill(queue, [outgoing('one'), outgoing('two')]);
    const { code, stdout, stderr } = await mq(['peek', queue.name, '-o', 'body']);
    expect(code).toBe(0);
    expect(stdout.split('\n').filter(Boolean).sort()).toEqual(['one', 'two']);
    expect(stderr).toMatch(/adds 1 to the receive count/);
    expect(await queue.stats(never)).toMatchObject({ ready: 2, inFlight: 0 });
  });

  it('a figure of SQS is marked as approximate wherever it is shown', async () => {
    const { queue } = await filled(['dead']);
    await fill(queue, [outgoing('one'), outgoing('two')]);
    expect((await mq(['stats', queue.name])).stdout).toMatch(/~2 +~0 +~0 +~1/);
    expect((await mq(['inspect', queue.name])).stdout).toMatch(
      /^ready\s+~2\nin-flight\s+~0\ndelayed\s+~0\ndead\s+~1$/m,
    );
  });

  it('a dry run of a purge of all counts as SQS does, and looks at no message', async () => {
    const { queue, dead } = await filled(['dead']);
    await fill(queue, [outgoing('one'), outgoing('two')]);
    for (const [name, count] of [
      [queue.name, 2],
      [dead.name, 1],
    ] as const) {
      const { code, stdout, stderr } = await mq(['purge', name, '--dry-run', '-o', 'json']);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ matched: count, moved: count, dryRun: true });
      expect(stderr).toMatch(/approximate/);
      expect(stderr).not.toMatch(/receive count/);
    }
    expect(proxy.of('ReceiveMessage')).toEqual([]);
    const some = await mq(['purge', queue.name, '--filter', 'body == "one"', '--dry-run', '-o', 'json']);
    expect(JSON.parse(some.stdout)).toMatchObject({ matched: 1, dryRun: true });
    expect(proxy.of('PurgeQueue')).toEqual([]);
  });

  it('without the right to count, all can be taken, and what looks at messages that stay wants --force', async () => {
    const [queue, target] = [
      await createQueue(broker, uniqueName('uncounted')),
      await createQueue(broker, uniqueName('to')),
    ];
    const denied = async () => refusal('AccessDenied', 'not authorized', 403);
    const run = async (args: readonly string[]) => {
      proxy.reset();
      await fill(
        queue,
        ['a', 'b', 'c'].map((text) => outgoing(text)),
      );
      proxy.spoil('GetQueueAttributes', denied);
      const ran = await mq(args);
      expect(ran.stderr).toMatch(/how many messages \S+ has is not known: no permission for sqs:GetQueueAttributes/);
      proxy.reset();
      return { ...ran, left: bodies(await takeAll(queue)).sort() };
    };
    const { name } = queue;
    expect(await run(['move', name, target.name, '--yes', '--dry-run'])).toMatchObject({
      ...{ code: 0, left: ['a', 'b', 'c'] },
      stderr: expect.stringContaining('would move an unknown number of messages'),
    });
    expect(await run(['move', name, target.name, '--yes'])).toMatchObject({ code: 0, left: [] });
    expect(bodies(await takeAll(target)).sort()).toEqual(['a', 'b', 'c']);
    expect(await run(['drain', name])).toMatchObject({ code: 0, left: [] });
    expect(await run(['purge', name, '--yes'])).toMatchObject({ code: 0, left: [] });
    const filtered = ['move', name, target.name, '--yes', '--filter', 'raw == "a"'];
    expect(await run(filtered)).toMatchObject({
      ...{ code: 1, left: ['a', 'b', 'c'] },
      stderr: expect.stringContaining('look with --force'),
    });
    expect(await run([...filtered, '--force'])).toMatchObject({ code: 0, left: ['b', 'c'] });
  });

  it('a dry run says its price once, also where each message is looked at because it may not fit', async () => {
    const queue = await createQueue(broker, uniqueName('priced'));
    const target = await createQueue(broker, uniqueName('priced-to', true));
    await fill(queue, [outgoing('a')]);
    for (const verb of ['copy', 'move']) {
      const { code, stderr } = await mq([verb, queue.name, target.name, '--dry-run']);
      expect(code, stderr).toBe(3);
      expect(stderr.match(/looking adds 1 to the receive count/g), verb).toHaveLength(1);
    }
  });

  it('a dead-letter queue that is gone is named as what it is, and no other is guessed', async () => {
    const { queue, dead } = await filled(['x']);
    // Near enough for a guess.
    await createQueue(broker, `${dead.name}2`);
    await broker.delete?.(dead.name, never);
    for (const args of [
      ['stats', '--dead'],
      ['peek', '--dead'],
      ['redrive', '--yes'],
      ['purge', '--dead', '--yes'],
    ]) {
      const [verb = '', ...flags] = args;
      const { code, stderr } = await mq([verb, queue.name, ...flags]);
      expect(code).toBe(4);
      expect(stderr).toContain(`${queue.name} sends its dead letters to ${dead.name}, and there is no such queue`);
      expect(stderr).not.toContain('did you mean');
    }
  });

  it('creating what exists names it', async () => {
    const { queue } = await filled([]);
    const again = await mq(['create', queue.name]);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining(`there is a queue ${queue.name} already`) });
  });

  it('a batch that fails in part: exit 3, the report balances, what was not sent is still dead', async () => {
    const { queue, dead } = await filled(Array.from({ length: 25 }, (_, i) => `dead ${i}`));
    proxy.spoil('SendMessageBatch', async (call, forward): Promise<FaultyAnswer> => {
      const entries = call.input.Entries as { Id: string; MessageBody: string }[];
      const spoilt = entries.filter(({ MessageBody }) => MessageBody.endsWith('7'));
      const good = entries.filter(({ MessageBody }) => !MessageBody.endsWith('7'));
      const answer = good.length === 0 ? { status: 200, body: {} } : await forward({ ...call.input, Entries: good });
      const Failed = spoilt.map(({ Id }) => ({ Id, SenderFault: true, Code: 'Spoilt', Message: 'spoilt by the test' }));
      return { status: answer.status, body: { ...answer.body, Failed } };
    });
    const { code, stdout } = await mq(['redrive', queue.name, '--yes', '-o', 'json']);
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ matched: 25, moved: 23, failed: 2, unknown: 0, skipped: 0 });
    proxy.reset();
    expect(bodies(await takeAll(dead)).sort()).toEqual(['dead 17', 'dead 7']);
    expect((await takeAll(queue)).length).toBe(23);
  });

  it('nothing that did not move ends with exit 0: receiving, sending or deleting is refused', async () => {
    for (const action of ['ReceiveMessage', 'SendMessageBatch', 'DeleteMessageBatch']) {
      const { queue, dead } = await filled(['a', 'b', 'c']);
      proxy.spoil(action, async () => ({ status: 403, body: { __type: 'AccessDenied', message: 'not allowed' } }));
      const { code, stderr } = await mq(['redrive', queue.name, '--yes']);
      expect([action, code === 0]).toEqual([action, false]);
      expect(stderr).toContain(`sqs:${action.replace('Batch', '')}`);
      proxy.reset();
      const everywhere = new Set([...bodies(await takeAll(queue)), ...bodies(await takeAll(dead))]);
      expect([...everywhere].sort()).toEqual(['a', 'b', 'c']);
    }
  });
});

describe('the built program on the emulator local-aws-sqs', () => {
  connectTo('localSqs');

  it('pauses only with --deny-policy, and resumes with it', async () => {
    const { name } = await createQueue(broker, uniqueName('cli-pause'));
    const refused = await mq(['pause', name]);
    expect(refused.code).toBe(7);
    expect(refused.stderr).toMatch(/cannot pause.*--deny-policy/s);
    expect(proxy.of('SetQueueAttributes')).toEqual([]);
    expect((await mq(['pause', name, '--deny-policy', '--reason', 'incident 7'])).code).toBe(0);
    expect((await (await broker.queue(name, never)).stats(never)).state).toBe('paused');
    expect((await mq(['resume', name, '--deny-policy'])).code).toBe(0);
    expect((await (await broker.queue(name, never)).stats(never)).state).toBe('running');
    const elsewhere = await startMq(['--url', 'sqlite::memory:', 'pause', name, '--deny-policy'], {}).finished;
    expect(elsewhere.code).toBe(7);
    expect(elsewhere.stderr).toMatch(/--deny-policy is for SQS only/);
  });

  it('interrupted in the middle of a move task: it is cancelled, and the report counts what it has moved', async () => {
    const deadName = uniqueName('cli-dlq');
    await createQueue(broker, uniqueName('cli'), { deadLetterQueue: deadName, maxReceives: 1 });
    const dead = await broker.queue(deadName, never);
    await fill(
      dead,
      Array.from({ length: 30 }, (_, i) => outgoing(`dead ${i}`)),
    );
    const target = await createQueue(broker, uniqueName('cli-target'));
    const args = ['redrive', dead.name, '--to', target.name, '--rate', '5/s', '--yes', '-o', 'json'];
    const running = start(args);
    await until('the task has moved some', async () => ((await target.stats(never)).ready ?? 0) >= 3);
    running.process.kill('SIGINT');
    const { code, stdout } = await running.finished;
    expect(code).toBe(130);
    expect(proxy.of('StartMessageMoveTask').length).toBe(1);
    expect(proxy.of('CancelMessageMoveTask').length).toBe(1);
    const report = JSON.parse(stdout) as Report;
    expect(report).toMatchObject({ native: true, complete: false });
    const arrived = (await takeAll(target)).length;
    expect(report.moved).toBe(arrived);
    expect(arrived).toBeLessThan(30);
    expect((await takeAll(dead)).length).toBe(30 - arrived);
  });
});
