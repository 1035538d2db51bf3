import type { Capabilities } from '../../contract/capabilities.ts';
import { TRAITS, type Trait, type TraitHolder } from '../../contract/traits.ts';
import { wrapQueue } from '../../contract/wrap.ts';
import type { Bench } from '../bench.ts';
import { bodies } from '../bench.ts';
import { type Case, membersOf, type Section } from '../case.ts';
import { expect } from '../expect.ts';

/** Where a declared trait is there without any further condition. */
const ALWAYS: ReadonlySet<TraitHolder> = new Set(['broker', 'queue', 'publisher', 'receipt']);

/**
 * A member that no ability explains is a declared trait, or it is not there: see `contract/traits.ts`. A declared trait
 * may be missing where it does not apply, but not from a member that every queue of the kind has.
 */
export const traits: Section = ({ capabilities: { abilities, traits: declared } }) => {
  const cases: Case[] = [
    {
      title: 'declares each trait once, and only those that the contract knows',
      async run() {
        expect(declared.filter((trait) => !(trait in TRAITS))).toEqual([]);
        expect(new Set(declared).size).toBe(declared.length);
      },
    },
    {
      title: 'a wrapper keeps every member, and each works',
      async run(bench) {
        const queue = await filled(bench);
        const wrapped = wrapQueue(queue, {});
        expect([...membersOf(wrapped)].toSorted()).toEqual([...membersOf(queue)].toSorted());
        expect({ ...(await wrapped.stats(bench.signal)), sampledAt: 0 }).toMatchObject({ queue: queue.name });
        if (queue.consume !== undefined && queue.publisher !== undefined)
          expect(await bench.take(wrapped)).toHaveLength(1);
      },
    },
    asked('broker', (bench) => bench.broker()),
    asked('queue', (bench) => bench.queue()),
  ];
  if (abilities.enqueue.supported)
    cases.push(asked('publisher', async (bench) => bench.publisher(await bench.queue())));
  if (abilities.drain.supported) {
    cases.push(asked('consumer', async (bench) => bench.consume(await bench.queue())));
    cases.push(asked('delivery', firstDelivery));
    cases.push(asked('receipt', async (bench) => (await firstDelivery(bench)).receipt));
  }
  if (abilities.peek.supported)
    cases.push(
      asked('peek', async (bench) => {
        const queue = await filled(bench);
        return await queue.peek?.({ ...LOOK, ...bench.call });
      }),
    );
  if (abilities.deadLetters.supported)
    cases.push(
      asked('deadLetters', async (bench) => (await bench.queue({ deadLetters: true })).deadLetters?.(bench.signal)),
    );
  if (declared.includes('nativeMove'))
    cases.push({
      title: 'what a native move has beside its pages is declared',
      async run(bench) {
        const [queue, to] = [await filled(bench), await bench.queue()];
        const move = await queue.nativeMove?.({
          ...{ state: 'ready', to, selective: false, limit: null, countReplay: false, ...bench.call },
        });
        // Not every move can be done this way: then no move could have more than it declares.
        if (move === null || move === undefined) return;
        try {
          check('nativeMove', move, queue.capabilities);
        } finally {
          await move.close();
        }
      },
    });
  return cases;
};

const LOOK = { state: 'ready', limit: 1, force: true } as const;

async function filled(bench: Bench) {
  const queue = await bench.queue();
  if (queue.publisher !== undefined) await bench.fill(queue, bodies(1));
  return queue;
}

async function firstDelivery(bench: Bench) {
  const consumer = await bench.consume(await filled(bench), { limit: 1 });
  for await (const delivery of consumer) return delivery;
  throw new Error('nothing came');
}

function asked(holder: TraitHolder, open: (bench: Bench) => Promise<object | undefined>): Case {
  return {
    title: `what its ${WORDS[holder]} have beside the abilities is declared`,
    async run(bench) {
      const made = await open(bench);
      expect(made).toBeDefined();
      if (made !== undefined) check(holder, made, (await bench.queue()).capabilities);
    },
  };
}

function check(holder: TraitHolder, made: object, { traits: declared }: Capabilities): void {
  const members = membersOf(made);
  for (const [name, { of }] of Object.entries(TRAITS) as [Trait, { readonly of: readonly TraitHolder[] }][]) {
    if (!of.includes(holder)) continue;
    if (ALWAYS.has(holder)) expect(members.has(name), name).toBe(declared.includes(name));
    else if (members.has(name)) expect(declared, name).toContain(name);
  }
}

const WORDS: Readonly<Record<TraitHolder, string>> = {
  broker: 'brokers',
  queue: 'queues',
  publisher: 'publishers',
  consumer: 'consumers',
  peek: 'looks',
  receipt: 'receipts',
  delivery: 'deliveries',
  deadLetters: 'links to dead letters',
  nativeMove: 'native moves',
};
