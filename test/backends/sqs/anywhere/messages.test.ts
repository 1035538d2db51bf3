import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodies, consume, fill, outgoing, peek, sendAll, takeAll } from '../../../support/sqs/harness.ts';
import { placesBeside, SqsPlace } from '../../../support/sqs/places.ts';

const TEXTS = Array.from({ length: 45 }, (_, i) => `message ${i}`);

describe.each(await placesBeside('fauxqs', 'localSqs'))('messages on SQS ($title)', (where) => {
  let place: SqsPlace;
  beforeAll(async () => {
    place = await SqsPlace.open(where);
  });
  afterAll(() => place.close(), where.caseTimeoutMs);
  const test = (name: string, body: () => Promise<void>) => it(name, { timeout: where.caseTimeoutMs }, body);

  test('keep every attribute through a move', async () => {
    const from = await place.create(place.name('from'));
    const to = await place.create(place.name('to'));
    const native = {
      sqs: {
        attributes: { price: { type: 'Number.price', value: '12.50' }, lang: { type: 'String.lang', value: 'de' } },
      },
    };
    const headers = { s: 'ü\n', n: -3, b: { base64: 'AP8=' }, t: true, price: 12.5, lang: 'de' };
    await fill(from, [outgoing('bödy\t\r\n', { headers, native })]);
    const [first] = await takeAll(from);
    if (first === undefined) throw new Error('nothing came');
    expect(first.headers).toEqual(headers);
    await fill(to, [outgoing(first.body, { headers: first.headers, native: first.native, id: first.id })]);
    const [second] = await takeAll(to);
    expect(second?.headers).toEqual(headers);
    expect(bodies([first])).toEqual(['bödy\t\r\n']);
    expect(second?.native).toMatchObject({ sqs: { attributes: native.sqs.attributes } });
  });

  test('are all visible again after closing with nothing settled, also when aborted in the middle', async () => {
    const queue = await place.create(place.name('close'));
    await fill(
      queue,
      TEXTS.map((text) => outgoing(text)),
    );
    const abort = new AbortController();
    const consumer = await consume(queue, { window: 'unbounded', signal: abort.signal });
    let seen = 0;
    for await (const _ of consumer) {
      seen += 1;
      if (seen === 13) abort.abort();
    }
    expect(seen).toBe(13);
    await consumer.close();
    expect((await takeAll(queue)).length).toBe(TEXTS.length);
  });

  test('on FIFO keep group, order and sequence, and are sent twice without a second copy', async () => {
    const queue = await place.create(place.name('fifo', true));
    const messages = TEXTS.map((text, i) => outgoing(text, { groupId: `g${i % 4}`, deduplicationId: `d${i}` }));
    await fill(queue, messages);
    await fill(queue, messages);
    const taken = await takeAll(queue);
    expect(taken.length).toBe(TEXTS.length);
    for (const group of ['g0', 'g1', 'g2', 'g3']) {
      const ours = taken.filter(({ groupId }) => groupId === group);
      expect(bodies(ours)).toEqual(TEXTS.filter((_, i) => `g${i % 4}` === group));
    }
  });

  test('that do not fit are refused one by one, and sent without what does not fit when that is wanted', async () => {
    const queue = await place.create(place.name('fit'));
    const odd = outgoing('odd', { priority: 3, headers: { 'a b': 1, ok: 2 } });
    expect(await sendAll(queue, [outgoing('fine'), odd])).toEqual([
      { status: 'sent', id: expect.any(String) },
      { status: 'failed', reason: expect.stringMatching(/a priority; the header "a b"/) },
    ]);
    expect((await sendAll(queue, [odd, outgoing('')], true)).map(({ status }) => status)).toEqual(['sent', 'failed']);
    const taken = await takeAll(queue);
    expect(taken.map(({ headers }) => headers)).toEqual([{}, { ok: 2 }]);
  });

  test('come when their delay is over', async () => {
    const queue = await place.create(place.name('delay'));
    await fill(queue, [outgoing('later', { delayMs: 2000 }), outgoing('now')]);
    expect(bodies(await takeAll(queue, { follow: true, idleMs: 20_000, limit: 2 }))).toEqual(['now', 'later']);
  });

  test('that are looked at have been delivered once more, and are there', async () => {
    const queue = await place.create(place.name('looked'));
    await fill(queue, [outgoing('x')]);
    const counts: number[] = [];
    for (let look = 0; look < 2; look += 1)
      for await (const { receiveCount } of await peek(queue)) counts.push(receiveCount ?? Number.NaN);
    // local-aws-sqs counts giving back, too.
    expect(counts).toEqual([1, expect.any(Number)]);
    expect(counts[1]).toBeGreaterThan(1);
    expect(bodies(await takeAll(queue))).toEqual(['x']);
  });
});
