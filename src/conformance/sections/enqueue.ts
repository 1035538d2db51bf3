import type { JsonValue } from '../../contract/message.ts';
import type { Queue } from '../../contract/queue.ts';
import { type Bench, bodies, text } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

const BODIES: Readonly<Record<string, Uint8Array>> = {
  'an empty body': new Uint8Array(),
  'every byte there is': Uint8Array.from({ length: 256 }, (_, byte) => byte),
  'text beyond ASCII, with control characters': Buffer.from('{"text":"\\u0000 héllo 日本 🙈 \u2028 \u202e"}'),
  'JSON as it was written, spaces and order kept': Buffer.from('{ "b" : 1.0,\n "a":[ 1e3 ] , "big":9007199254740993 }'),
  'a body of 1 MB': Buffer.from(JSON.stringify('x'.repeat(1_000_000))),
};

const HEADERS: Readonly<Record<string, Readonly<Record<string, JsonValue>>>> = {
  'a number': { count: 42 },
  'a fraction': { ratio: 0.5 },
  'a boolean': { yes: true },
  nothing: { gone: null },
  'an empty string': { empty: '' },
  'a list and a record': { nested: { list: [1, 'two', null], record: { deep: true } } },
  'text beyond ASCII': { name: '日本 ü 🙈' },
  'terminal escapes': { title: '\u001b]0;owned\u0007\u001b[31m' },
  'a name that is hostile to JavaScript': Object.fromEntries([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]),
  'a name with blanks and marks': { 'two words: "quoted"': 'v' },
};

export const enqueue: Section = ({ members, capabilities }) => {
  if (!members.has('publisher')) return [];
  const holdsHeaders = capabilities.holds.includes('headers');
  return [
    {
      title: 'answers each message with an outcome of its own',
      async run(bench) {
        const queue = await bench.queue();
        const ids = await bench.fill(queue, bodies(25));
        const known = ids.filter((id) => id !== null);
        expect(new Set(known).size).toBe(known.length);
        expect((await bench.contents(queue)).length).toBe(25);
      },
    },
    {
      title:
        'of messages that are alike and leave where they are, each is stored or refused: none is taken for another',
      async run(bench) {
        const queue = await bench.queue();
        const publisher = await bench.publisher(queue, { once: true, lossy: true });
        const alike = ['one place', 'one place', 'another place'].map((from) =>
          bench.message('{"n":1}', { id: 'alike', deduplicationId: 'alike', from }),
        );
        const outcomes = await Promise.all(alike.map((message) => publisher.send(message)));
        const stored = outcomes.filter(({ status }) => status === 'sent');
        expect(stored.length).toBeGreaterThan(0);
        bench.expectBodies(
          await bench.contents(queue),
          stored.map(() => '{"n":1}'),
        );
      },
    },
    {
      title: 'stores what was in the air when it is closed, and closes twice',
      async run(bench) {
        const queue = await bench.queue();
        const publisher = await bench.publisher(queue);
        const sending = bodies(50).map((body) => publisher.send(bench.message(body)));
        await publisher.close();
        await publisher.close();
        for (const outcome of await Promise.all(sending)) expect(outcome.status).toBe('sent');
        bench.expectBodies(await bench.contents(queue), bodies(50));
      },
    },
    {
      title:
        'takes bare bodies in one piece of memory, if it says so: any bytes, in order, behind what was sent before',
      async run(bench) {
        const queue = await bench.queue();
        const publisher = await bench.publisher(queue);
        const first = publisher.send(bench.message('{"first":1}'));
        if (publisher.sendBodies === undefined) {
          await first;
          return;
        }
        // The bytes between and around the bodies must not arrive.
        const sent = [...Object.values(BODIES), ...bodies(1200).map((body) => Buffer.from(body))];
        const bounds: number[] = [];
        const pieces = [Buffer.from('no body')];
        let at = 7;
        for (const body of sent) {
          bounds.push(at, at + body.byteLength);
          pieces.push(Buffer.from(body), Buffer.from('\n'));
          at += body.byteLength + 1;
        }
        const outcomes = await publisher.sendBodies({ bytes: Buffer.concat(pieces), bounds });
        expect(await publisher.sendBodies({ bytes: new Uint8Array(), bounds: [] })).toEqual([]);
        expect(await first).toMatchObject({ status: 'sent' });
        expect(outcomes).toHaveLength(sent.length);
        const ids = outcomes.flatMap((outcome) => (outcome.status === 'sent' ? [outcome.id] : []));
        expect(ids).toHaveLength(sent.length);
        const known = ids.filter((id) => id !== null);
        expect(new Set(known).size).toBe(known.length);
        const arrived = await bench.contents(queue);
        const expected = [Buffer.from('{"first":1}'), ...sent];
        expect(arrived).toHaveLength(expected.length);
        for (const [index, body] of expected.entries()) {
          expect(Buffer.compare(arrived[index]?.body ?? Buffer.from('nothing'), body), `body ${index}`).toBe(0);
        }
        if (known.length > 0) expect(arrived.slice(1).map(({ id }) => id)).toEqual(ids);
      },
    },
    {
      title: 'tells a failure as an outcome, never as a rejection: the connection is gone',
      async run(bench) {
        const made = await bench.queue();
        const broker = await bench.connect();
        const publisher = await bench.publisher(await broker.queue(made.name, bench.signal));
        await broker.close();
        const outcome = await publisher.send(bench.message('{}'));
        expect(['failed', 'unknown']).toContain(outcome.status);
        expect(outcome).toHaveProperty('reason');
        const together = await publisher.sendBodies?.({ bytes: Buffer.from('{}{}'), bounds: [0, 2, 2, 4] });
        if (together !== undefined) expect(together).toEqual([outcome, outcome]);
      },
    },
    ...Object.entries(BODIES).map(([what, body]) => ({
      title: `${what}: arrives as it is, or is refused`,
      run: (bench: Bench) => arrivesOrIsRefused(bench, { body, headers: {} }),
    })),
    ...(capabilities.maxBodyBytes === null
      ? []
      : [
          {
            title: 'refuses a body that is larger than it says it can hold',
            async run(bench: Bench) {
              const queue = await bench.queue();
              const publisher = await bench.publisher(queue);
              const tooLarge = new Uint8Array((capabilities.maxBodyBytes ?? 0) + 1).fill(0x31);
              const outcome = await publisher.send(bench.message(tooLarge));
              expect(outcome.status).toBe('failed');
              expect(await bench.contents(queue)).toEqual([]);
            },
          },
        ]),
    ...(holdsHeaders
      ? [
          {
            title: 'carries a plain header',
            async run(bench: Bench) {
              const queue = await bench.queue();
              await bench.fill(queue, ['{}'], { headers: { 'x-tenant': 'acme' } });
              expect((await bench.contents(queue)).map(({ headers }) => headers)).toEqual([{ 'x-tenant': 'acme' }]);
            },
          },
          ...Object.entries(HEADERS).map(([what, headers]) => ({
            title: `a header with ${what}: arrives as it is, or is refused`,
            run: (bench: Bench) => arrivesOrIsRefused(bench, { body: Buffer.from('{}'), headers }),
          })),
        ]
      : []),
  ];
};

async function arrivesOrIsRefused(
  bench: Bench,
  content: { readonly body: Uint8Array; readonly headers: Readonly<Record<string, JsonValue>> },
): Promise<void> {
  const queue: Queue = await bench.queue();
  const publisher = await bench.publisher(queue);
  const message = bench.message(content.body, { headers: content.headers });
  const misfits = publisher.misfits(message);
  const outcome = await publisher.send(message);
  const arrived = await bench.contents(queue);
  if (misfits.length > 0) {
    expect(outcome.status, 'what does not fit is refused').toBe('failed');
    expect(arrived).toEqual([]);
    return;
  }
  expect(outcome).toMatchObject({ status: 'sent' });
  expect(arrived).toHaveLength(1);
  for (const one of arrived) {
    expect(Buffer.compare(one.body, content.body), `body arrived as ${text(one).slice(0, 200)}`).toBe(0);
    expect(Object.entries(one.headers)).toEqual(Object.entries(content.headers));
  }
}
