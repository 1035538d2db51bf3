import { SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { redriveOf } from '../../../../src/conformance/redrive.ts';
import type { Queue } from '../../../../src/contract/queue.ts';
import { planRedrive } from '../../../../src/core/redrive.ts';
import { letDie } from '../../../support/sqs/dying.ts';
import { bodies, never, outgoing, sendAll, takeAll } from '../../../support/sqs/harness.ts';
import { placesBeside, SqsPlace } from '../../../support/sqs/places.ts';

const TEXTS = Array.from({ length: 15 }, (_, i) => `dead ${i}`);

/** fauxqs has neither move tasks nor source queues. */
describe.each(await placesBeside('localSqs'))('dead letters and move tasks ($title)', (where) => {
  let place: SqsPlace;
  beforeAll(async () => {
    place = await SqsPlace.open(where);
  });
  afterAll(() => place.close(), where.caseTimeoutMs);
  const test = (name: string, body: () => Promise<void>) => it(name, { timeout: where.caseTimeoutMs }, body);
  const die = (queue: Queue, texts: readonly string[]) => letDie(place.broker, queue, texts, where.patienceMs);

  async function linked(sources: number): Promise<{ queues: Queue[]; dead: Queue }> {
    const deadLetterQueue = place.name('dlq');
    const queues: Queue[] = [];
    for (let i = 0; i < sources; i += 1) {
      queues.push(await place.create(place.name(`source${i}`), { deadLetterQueue, maxReceives: 2 }));
    }
    return { queues, dead: await place.broker.queue(deadLetterQueue, never) };
  }

  test('dead letters name their origin, also in a shared dead-letter queue', async () => {
    const { queues, dead } = await linked(2);
    const [one, two] = queues;
    if (one === undefined || two === undefined) throw new Error('two queues were made');
    await die(one, ['a', 'b']);
    await die(two, ['c']);
    expect((await dead.deadLetters?.(never))?.sources).toEqual([one.name, two.name].sort());
    await expect
      .poll(() => one.stats(never), { timeout: where.patienceMs })
      .toMatchObject({
        dead: 3,
        notes: { dead: expect.stringContaining(`shared with ${two.name}`) },
      });
    const origins = (await takeAll(dead)).map(({ body, dead: death }) => [Buffer.from(body).toString(), death?.from]);
    expect(origins.sort()).toEqual([
      ['a', one.name],
      ['b', one.name],
      ['c', two.name],
    ]);
  });

  test('a queue is found by its URL and its ARN', async () => {
    const queue = await place.create(place.name('named', true));
    const { details } = await queue.describe(never);
    for (const text of [String(details.arn), String(details.url), `${details.url}/`]) {
      const handle = await place.broker.queue(text, never);
      expect(handle.kind).toBe('fifo');
      expect(await sendAll(handle, [outgoing('x', { groupId: 'g' })])).toMatchObject([{ status: 'sent' }]);
    }
    expect((await takeAll(queue)).length).toBe(3);
  });

  test('a redrive without limit or filter is a move task, and everything is back where it died', async () => {
    const { queues, dead } = await linked(1);
    const [one] = queues;
    if (one === undefined) throw new Error('a queue was made');
    await die(one, TEXTS);
    // By the dead-letter queue's own name all of it is meant; by the other one, each message is asked.
    const plan = await planRedrive(redriveOf(place.broker, dead, { signal: never }));
    const report = await plan.run({ dryRun: false, onProgress: () => {}, signal: never });
    expect(report).toMatchObject({ native: true, moved: TEXTS.length, failed: 0, unknown: 0, complete: true });
    expect(bodies(await takeAll(one)).sort()).toEqual([...TEXTS].sort());
    expect(await takeAll(dead)).toEqual([]);
  });

  test('--max counts those that are moved: dead letters of another queue before them cost looks only', async () => {
    const { queues, dead } = await linked(2);
    const [one, two] = queues;
    if (one === undefined || two === undefined) throw new Error('two queues were made');
    await die(two, ['t1', 't2', 't3']);
    await die(one, ['o1', 'o2', 'o3']);
    // Now the first is the only one that is linked, so that nearly all is probably its own.
    const { details } = await two.describe(never);
    const unlinked = { QueueUrl: String(details.url), Attributes: { RedrivePolicy: '' } };
    await place.client.send(new SetQueueAttributesCommand(unlinked));
    await expect
      .poll(async () => (await dead.deadLetters?.(never))?.sources, { timeout: where.patienceMs })
      .toEqual([one.name]);
    const plan = await planRedrive(redriveOf(place.broker, one, { max: 2, force: true, signal: never }));
    const report = await plan.run({ dryRun: false, onProgress: () => {}, signal: never });
    expect(report).toMatchObject({ native: false, moved: 2, failed: 0, unknown: 0, complete: true });
    expect(await takeAll(one)).toHaveLength(2);
    expect(bodies(await takeAll(dead)).filter((body) => body.startsWith('t'))).toEqual(['t1', 't2', 't3']);
  });

  test('what exists is not created again, and what was deleted is gone', async () => {
    const name = place.name('life');
    await place.create(name);
    await expect(place.create(name)).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
    expect(await place.broker.delete?.(name, never)).toBeNull();
    // AWS takes up to a minute to delete.
    await expect
      .poll(() => place.broker.queue(name, never).then(String, ({ code }) => code), { timeout: where.patienceMs })
      .toBe('QUEUE_NOT_FOUND');
  });
});
