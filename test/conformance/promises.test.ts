import { describe, expect, it } from 'vitest';
import { type Case, lookAt, runCase } from '../../src/conformance/case.ts';
import type { Harness } from '../../src/conformance/harness.ts';
import { casesFor } from '../../src/conformance/index.ts';
import type { MemoryBackend } from '../../src/conformance/memory/backend.ts';
import { RICH } from '../../src/conformance/memory/capabilities.ts';
import { memoryHarness } from '../../src/conformance/memory/harness.ts';
import type { Broker } from '../../src/contract/broker.ts';
import type { Capabilities } from '../../src/contract/capabilities.ts';
import { MqError } from '../../src/contract/errors.ts';
import type { Delivery } from '../../src/contract/message.ts';
import type { Consumer, DeadLetters, DeliveryPage, NativeMove, Publisher, Queue } from '../../src/contract/queue.ts';
import { TRAITS, type Trait } from '../../src/contract/traits.ts';
import { wrapConsumer, wrapPublisher, wrapQueue } from '../../src/contract/wrap.ts';
import { required } from '../support/sqlite/lab.ts';

/** What the minimal backend has more, to have a trait. */
interface More {
  readonly abilities?: Partial<Capabilities['abilities']>;
  readonly broker?: (broker: Broker, backend: MemoryBackend) => Partial<Broker>;
  readonly queue?: (queue: Queue) => Partial<Queue>;
}

const { signal } = new AbortController();
const NOTHING = { moved: 0, skipped: [], failed: [], unknown: [] };
const disturbs = {
  abilities: { peek: { ...RICH.abilities.peek, effect: 'disturbs' } as Capabilities['abilities']['peek'] },
};

/** Of each trait with a question: as it should be, and a lie. */
const TOLD: Readonly<Partial<Record<Trait, { readonly truth: More; readonly lie: More }>>> = {
  checks: {
    truth: {
      broker: () => ({
        async *checks() {
          yield { name: 'clock', status: 'ok', detail: 'right', hint: null };
        },
      }),
    },
    lie: { broker: () => ({ async *checks() {} }) },
  },
  bill: {
    truth: { broker: counted(1) },
    lie: { broker: counted(0) },
  },
  mark: {
    truth: {
      broker: (_, { queues }) => ({
        mark: async () => [...queues.values()].map((queue) => queue.list('ready').length).join(),
      }),
    },
    lie: { broker: () => ({ mark: async () => 'as ever' }) },
  },
  names: {
    truth: { broker: (_, { queues }) => ({ names: async () => [...queues.keys()] }) },
    lie: { broker: () => ({ names: async () => [] }) },
  },
  queueToMake: { truth: { broker: maker('first message') }, lie: { broker: maker('opened') } },
  latestBrokerTime: {
    truth: { queue: () => ({ latestBrokerTime: () => Date.now() }) },
    lie: { queue: () => ({ latestBrokerTime: () => Date.now() / 1000 }) },
  },
  mayPurge: {
    truth: { queue: () => ({ mayPurge: async () => {} }) },
    lie: {
      queue: (queue) => ({
        mayPurge: async (states) => void (await queue.purge?.({ states, notice: () => {}, signal })),
      }),
    },
  },
  mayTake: {
    truth: { queue: () => ({ mayTake: async () => {} }) },
    lie: {
      queue: (queue) => ({
        mayTake: async () => void (await queue.purge?.({ states: ['ready'], notice: () => {}, signal })),
      }),
    },
  },
  priceOfLook: {
    truth: { ...disturbs, queue: () => ({ priceOfLook: async () => 'each look counts' }) },
    lie: { queue: () => ({ priceOfLook: async () => 'each look counts' }) },
  },
  survey: {
    truth: { queue: () => ({ survey: async ({ limit }) => ({ moved: limit ?? 3, skipped: [], failed: [] }) }) },
    lie: { queue: () => ({ survey: async () => ({ moved: 3, skipped: [], failed: [] }) }) },
  },
  keepsNative: {
    truth: publishing(() => ({ keepsNative: true })),
    lie: publishing((publisher) => ({
      keepsNative: true,
      send: (message) => publisher.send({ ...message, native: {} }),
    })),
  },
  sendAll: {
    truth: publishing((publisher) => ({
      sendAll: (messages) => Promise.all(messages.map((message) => publisher.send(message))),
    })),
    lie: publishing((publisher) => ({
      sendAll: (messages) => Promise.all(messages.toReversed().map((message) => publisher.send(message))),
    })),
  },
  window: { truth: publishing(() => ({ window: 500 })), lie: publishing(() => ({ window: 0 })) },
  unseen: { truth: unseen(0), lie: unseen(3) },
  pages: {
    truth: paged(async (some) => {
      for (const { receipt } of some) await receipt.ack();
    }),
    lie: paged(async () => {}),
  },
  leadsTo: {
    truth: dying(() => ({ leadsTo: () => null })),
    lie: dying(() => ({ leadsTo: () => ({ queue: 'elsewhere' }) })),
  },
  messagesAreSilent: { truth: {}, lie: taking(lostBy('elsewhere')) },
  movesEachHome: { truth: {}, lie: moving(() => ({ next: async () => ({ ...NOTHING, moved: 2, exhausted: true }) })) },
  stop: {
    truth: moving(() => ({ stop: async () => ({ ...NOTHING, exhausted: true }) })),
    lie: moving((move) => ({ stop: () => move.next({ upTo: 1 }).then((page) => ({ ...page, moved: 0 })) })),
  },
  stays: {
    truth: {},
    lie: taking((delivery) => ({ ...delivery, stays: 'it is held' })),
  },
  mayNotRestore: {
    truth: dying(() => ({ mayNotRestore: true })),
    lie: dying(() => ({
      restore() {
        throw new MqError('PRECONDITION_FAILED', 'not this one');
      },
    })),
  },
  unwraps: {
    truth: dying(() => ({ unwraps: true })),
    lie: dying((links) => ({
      restore: (message, options) => ({ ...links.restore(message, options), body: message.body.subarray(1) }),
    })),
  },
  ofHolder: { truth: holding([]), lie: holding(['elsewhere']) },
  readSources: { truth: asking((queue) => [queue]), lie: asking(() => ['elsewhere']) },
};

describe.each(Object.entries(TRAITS).map(([trait]) => trait as Trait))('the trait %s', (trait) => {
  const told = TOLD[trait];

  it(told === undefined ? 'is asked for elsewhere' : 'is believed when it is true, and a lie is found', async () => {
    const sound = harness(trait, told?.truth ?? {});
    const question = await questionOf(trait, sound);
    expect(question === undefined).toBe(told === undefined);
    if (question === undefined || told === undefined) return;
    await runCase(sound, await lookAt(sound), question);
    const lying = harness(trait, told.lie);
    await expect(runCase(lying, await lookAt(lying), required(await questionOf(trait, lying)))).rejects.toThrow();
  });
});

async function questionOf(trait: Trait, asked: Harness): Promise<Case | undefined> {
  const start = `what its traits promise › ${trait}: `;
  return casesFor(await lookAt(asked)).find(({ title }) => title.startsWith(start));
}

function harness(trait: Trait, { abilities = {}, broker: ofBroker, queue: ofQueue }: More): Harness {
  const capabilities: Capabilities = {
    ...RICH,
    abilities: { ...RICH.abilities, ...abilities },
    traits: [...RICH.traits, trait],
  };
  const memory = memoryHarness(trait, capabilities);
  const backend = memory.backend as MemoryBackend;
  return {
    ...memory,
    backend: {
      ...backend,
      async open(url, options) {
        const broker = await backend.open(url, options);
        return {
          ...broker,
          queue: async (name, signal) => {
            const queue = await broker.queue(name, signal);
            return wrapQueue(queue, ofQueue?.(queue) ?? {});
          },
          ...ofBroker?.(broker, backend),
        };
      },
    },
  };
}

function maker(when: 'first message' | 'opened') {
  return (broker: Broker): Partial<Broker> => ({
    queueToMake(name) {
      const make = async (): Promise<Queue> => {
        await broker.create?.(name, { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, signal });
        return broker.queue(name, signal);
      };
      const publisher: Queue['publisher'] = async (options) => {
        if (when === 'opened') return required((await make()).publisher)(options);
        return {
          misfits: () => [],
          send: async (message) => (await required((await make()).publisher)(options)).send(message),
          close: async () => {},
        };
      };
      return { name, publisher } as Partial<Queue> as Queue;
    },
  });
}

function publishing(more: (publisher: Publisher) => Partial<Publisher>): More {
  return {
    queue: (queue) => ({
      async publisher(options) {
        const publisher = await required(queue.publisher)(options);
        return wrapPublisher(publisher, more(publisher));
      },
    }),
  };
}

function unseen(count: number): More {
  return {
    queue: (queue) => ({
      consume: async (options) => wrapConsumer(await required(queue.consume)(options), { unseen: count }),
    }),
  };
}

/** Each delivery is a page. */
function paged(ack: (some: readonly Delivery[]) => Promise<void>): More {
  async function* pages(consumer: Consumer): AsyncGenerator<DeliveryPage> {
    for await (const delivery of consumer)
      yield {
        deliveries: [delivery],
        ackAll: async (some) => {
          await ack(some);
          return some.map(() => null);
        },
      };
  }
  return {
    queue: (queue) => ({
      async consume(options) {
        const consumer = await required(queue.consume)(options);
        return wrapConsumer(consumer, { pages: () => pages(consumer) });
      },
    }),
  };
}

function taking(change: (delivery: Delivery) => Delivery): More {
  async function* changed(consumer: Consumer): AsyncGenerator<Delivery> {
    for await (const delivery of consumer) yield change(delivery);
  }
  return {
    queue: (queue) => ({
      async consume(options) {
        const consumer = await required(queue.consume)(options);
        return wrapConsumer(consumer, { [Symbol.asyncIterator]: () => changed(consumer) });
      },
    }),
  };
}

function lostBy(from: string): (delivery: Delivery) => Delivery {
  return ({ message, ...rest }) => ({
    ...rest,
    message: { ...message, dead: message.dead === null ? null : { ...message.dead, from } },
  });
}

function moving(more: (move: NativeMove) => Partial<NativeMove>): More {
  return {
    queue: (queue) => ({
      async nativeMove(request) {
        const move = await required(queue.nativeMove)(request);
        return move === null ? null : { ...move, ...more(move) };
      },
    }),
  };
}

function dying(more: (links: DeadLetters) => Partial<DeadLetters>): More {
  return {
    queue: (queue) => ({
      async deadLetters(signal) {
        const links = await required(queue.deadLetters)(signal);
        return { ...links, ...more(links) };
      },
    }),
  };
}

/** Its own dead-letter queue. */
function holding(sources: readonly string[]): More {
  return {
    queue: (queue) =>
      required(
        dying((links) => {
          const own = { ...links, keptIn: { place: 'queue', queue: queue.name }, sources: [] } as const;
          return { ...own, ofHolder: () => ({ ...own, sources }) };
        }).queue,
      )(queue),
  };
}

/** Each list counts as so many requests. */
function counted(each: number): NonNullable<More['broker']> {
  return (broker) => {
    let requests = 0;
    return {
      queues(pattern, options) {
        requests += each;
        return broker.queues(pattern, options);
      },
      bill: () => ({ requests, usdPerMillion: 1 }),
    };
  };
}

/** A queue that is said to be its own dead-letter queue, and tells its sources when it is asked. */
function asking(sourcesOf: (queue: string) => readonly string[]): More {
  return {
    queue: (queue) =>
      required(
        dying(() => ({
          ...{ keptIn: { place: 'queue', queue: queue.name }, sources: null },
          readSources: async () => sourcesOf(queue.name),
        })).queue,
      )(queue),
  };
}
