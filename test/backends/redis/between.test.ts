import { Queue as BullQueue } from 'bullmq';
import { expect, it } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { planMove } from '../../../src/core/move.ts';
import type { AnyReport } from '../../../src/core/report.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { after, client, connection, fresh, notice, open, peek, signal, text, url } from '../../support/redis/lab.ts';

const KINDS = ['list', 'stream', 'bullmq'] as const;
const PAIRS = KINDS.flatMap((from) => KINDS.filter((to) => to !== from).map((to) => [from, to] as const));

async function make(kind: (typeof KINDS)[number]): Promise<string> {
  const name = fresh(kind);
  if (kind === 'list') await client.sadd(`_kombu.binding.${name}`, name);
  else if (kind === 'stream') await client.xgroup('CREATE', name, 'g', '0', 'MKSTREAM');
  else {
    const made = new BullQueue(name, { connection });
    after(() => made.close());
    await made.getVersion();
  }
  return name;
}

it.each(PAIRS)('from a %s to a %s: what does not fit is told first, and the counts balance', async (from, to) => {
  const broker = await open();
  const source = await broker.queue(await make(from), signal);
  const target = await broker.queue(await make(to), signal);
  const publisher = await source.publisher?.({ expected: null, lossy: false, notice, signal });
  const bodies = Array.from({ length: 20 }, (_, n) => `{"n":${n},"big":12345678901234567890}`);
  await Promise.all(bodies.map((body) => publisher?.send(outgoing({ body: Buffer.from(body) }))));
  await publisher?.close();
  const move = async (lossy: boolean) => {
    const plan = await planMove({
      ...EVERYTHING,
      operation: 'move',
      source,
      state: 'ready',
      only: null,
      target,
      max: null,
      ratePerSec: null,
      setHeaders: {},
      lossy,
      notice,
      signal,
    });
    return plan.run({ dryRun: false, onProgress: () => {}, signal });
  };
  // Only a job has a name and an id of its own, which neither a list nor a stream can hold.
  if (from === 'bullmq') {
    const refused = await move(false).then(
      (report) => report.moved,
      () => 0,
    );
    expect(refused).toBe(0);
    expect(await peek(source)).toHaveLength(20);
    expect(await peek(target)).toEqual([]);
  }
  expect(await move(from === 'bullmq')).toMatchObject({
    matched: 20,
    moved: 20,
    failed: 0,
    unknown: 0,
    complete: true,
  });
  expect((await peek(target)).map(text)).toEqual(bodies);
  expect(await peek(source)).toEqual([]);
});

async function run(operation: 'move' | 'copy', source: Queue, target: Queue): Promise<AnyReport> {
  const options = { state: 'ready', only: null, max: null, ratePerSec: null, setHeaders: {}, lossy: true } as const;
  const plan = await planMove({ ...EVERYTHING, ...options, operation, source, target, notice, signal });
  return plan.run({ dryRun: false, onProgress: () => {}, signal });
}

it.each([
  ['list', 'LTRIM', (key: string) => `%R~${key}`],
  ['stream', 'XDEL', (key: string) => `%R~${key}`],
  ['bullmq', 'LREM', (key: string) => `%R~bull:${key}:*`],
] as const)(
  'out of a %s where the user may not remove: nothing is sent, the right that is missing is named, and a copy is made',
  async (kind, command, readOnly) => {
    const [from, ...targets] = [await make(kind), await make(kind), await make(kind === 'stream' ? 'list' : 'stream')];
    for (const target of targets) if (target.startsWith('list')) await client.rpush(target, '{}');
    const source = await (await open()).queue(from, signal);
    const publisher = await source.publisher?.({ expected: null, lossy: false, notice, signal });
    await publisher?.send(outgoing({ body: Buffer.from('{"n":1}') }));
    await publisher?.close();
    const user = fresh('user');
    after(() => client.call('ACL', 'DELUSER', user));
    const keys = [`${readOnly(from)}`, '~mq:*', ...targets.flatMap((target) => [`~${target}`, `~bull:${target}:*`])];
    for (const rights of [
      [...keys, '+@all'],
      ['~*', '+@all', `-${command}`],
    ]) {
      await client.call('ACL', 'SETUSER', user, 'reset', 'on', '>pw', '&*', ...rights);
      const theirs = await open('', url.replace('redis://', `redis://${user}:pw@`));
      for (const name of targets) {
        const [mine, target] = [await theirs.queue(from, signal), await theirs.queue(name, signal)];
        await expect(run('move', mine, target)).rejects.toMatchObject({
          code: 'PERMISSION_DENIED',
          message: expect.stringMatching(new RegExp(`nothing was taken: .*(EVAL|${command}) on the key .*${from}`)),
        });
        expect(await peek(target)).toHaveLength(name.startsWith('list') ? 1 : 0);
        expect(await peek(mine)).toHaveLength(1);
      }
    }
    const [, elsewhere = ''] = targets;
    const copied = await run('copy', source, await (await open()).queue(elsewhere, signal));
    expect(copied).toMatchObject({ moved: 1, complete: true });
  },
);
