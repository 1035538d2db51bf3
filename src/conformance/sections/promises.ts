import { isMqError } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import type { NativeMove, Queue } from '../../contract/queue.ts';
import type { Trait } from '../../contract/traits.ts';
import { toOutgoing } from '../../core/outgoing.ts';
import { type Bench, bodies, text } from '../bench.ts';
import type { Case, Look, Section } from '../case.ts';
import { deadOf, locate, sourcesIn } from '../dead.ts';
import { expect } from '../expect.ts';

const DAY_MS = 24 * 3600 * 1000;

/** Checks that each declared trait is true, if that can be seen on any broker. */
export const promises: Section = (look) =>
  look.capabilities.traits.flatMap((trait) => {
    const question = QUESTIONS[trait];
    if (typeof question === 'string') return [];
    return (question.needs ?? []).every((member) => look.members.has(member))
      ? [{ title: `${trait}: ${question.title}`, run: (bench: Bench) => question.run(bench, look) }]
      : [];
  });

interface Question {
  readonly title: string;
  /** Members of the queue that the question needs. */
  readonly needs?: readonly (keyof Queue)[];
  run(bench: Bench, look: Look): ReturnType<Case['run']>;
}

/** A new trait needs its question, or the place where it is asked. */
const QUESTIONS: Readonly<Record<Trait, Question | string>> = {
  checks: {
    title: 'each finding has a name, a status and a detail, and looking changes nothing',
    needs: ['publisher'],
    async run(bench) {
      const queue = await filled(bench);
      const broker = await bench.broker();
      let findings = 0;
      for await (const { name, status, detail, hint } of broker.checks?.(bench.signal, queue.name) ?? []) {
        findings += 1;
        expect(name).not.toBe('');
        expect(['ok', 'warning', 'failed', 'skipped'], name).toContain(status);
        expect(detail, name).not.toBe('');
        if (hint !== null) expect(hint, name).not.toBe('');
      }
      expect(findings).toBeGreaterThan(0);
      bench.expectBodies(await bench.contents(queue), bodies(3));
    },
  },
  bill: {
    title: 'counts what looking asks for, and says what a million of it costs',
    async run(bench) {
      const queue = await bench.queue();
      const broker = await bench.broker();
      const before = broker.bill?.();
      for await (const _ of broker.queues({ globs: [queue.name], matches: (name) => name === queue.name }, bench.call));
      const after = broker.bill?.();
      expect(after?.requests ?? 0).toBeGreaterThan(before?.requests ?? Number.POSITIVE_INFINITY);
      expect(after?.usdPerMillion ?? 0).toBeGreaterThan(0);
    },
  },
  mark: {
    title: 'stays while nothing changes, and changes with what a queue holds',
    needs: ['publisher'],
    async run(bench) {
      const queue = await bench.queue();
      const broker = await bench.broker();
      const empty = await broker.mark?.(bench.signal);
      expect(empty).toEqual(expect.any(String));
      expect(await broker.mark?.(bench.signal)).toBe(empty);
      await bench.fill(queue, bodies(1));
      const filled = await broker.mark?.(bench.signal);
      expect(filled).not.toBe(empty);
      // Looking is no change.
      await queue.stats(bench.signal);
      expect(await broker.mark?.(bench.signal)).toBe(filled);
    },
  },
  names: {
    title: 'a queue that is there is among them, and one that is not is not',
    async run(bench) {
      const queue = await bench.queue();
      const names = await (await bench.broker()).names?.(bench.signal);
      expect(names).toContain(queue.name);
      expect(names).not.toContain(bench.freshName());
    },
  },
  queueToMake: {
    title: 'the queue is there with its first message, and not before',
    async run(bench) {
      const broker = await bench.broker();
      const name = bench.freshName();
      bench.willMake(name);
      const queue = broker.queueToMake?.(name);
      if (queue === undefined) throw new Error('there is no queueToMake');
      const publisher = await bench.publisher(queue);
      await expect(broker.queue(name, bench.signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
      expect(await publisher.send(bench.message('{"n":1}'))).toMatchObject({ status: 'sent' });
      bench.expectBodies(await bench.contents(await broker.queue(name, bench.signal)), bodies(1));
    },
  },
  latestBrokerTime: {
    title: 'milliseconds since the epoch, and no earlier than the last figures',
    async run(bench) {
      const queue = await bench.queue();
      const { brokerTime } = await queue.stats(bench.signal);
      const time = queue.latestBrokerTime?.() ?? Number.NaN;
      expect(Math.abs(time - Date.now())).toBeLessThan(DAY_MS);
      if (brokerTime !== undefined) expect(time).toBeGreaterThanOrEqual(brokerTime);
    },
  },
  mayPurge: {
    title: 'a purge that it allows is done, and asking changes nothing',
    needs: ['publisher', 'purge'],
    async run(bench) {
      const queue = await filled(bench);
      await queue.mayPurge?.(['ready'], bench.signal);
      bench.expectBodies(await bench.contents(queue), bodies(3));
      await queue.purge?.({ states: ['ready'], ...bench.call });
      expect(await bench.contents(queue)).toEqual([]);
    },
  },
  mayTake: {
    title: 'what it allows to take can be taken, and asking changes nothing',
    needs: ['publisher', 'consume'],
    async run(bench) {
      const queue = await filled(bench);
      await queue.mayTake?.('ready', bench.signal);
      bench.expectBodies(await bench.contents(queue), bodies(3));
      bench.expectBodies(await bench.take(queue), bodies(3));
    },
  },
  nativeMove: 'native move; dead letters and redrive',
  priceOfLook: {
    title: 'is there because looking disturbs; one sentence or none, and nothing is looked at for it',
    needs: ['publisher', 'peek'],
    async run(bench, { capabilities: { abilities } }) {
      expect(abilities.peek).toMatchObject({ effect: 'disturbs' });
      const queue = await filled(bench);
      const counts = async () => (await bench.contents(queue)).map(({ receiveCount }) => receiveCount);
      const look = { state: 'ready', looks: 3, givesBack: 'all', force: true, signal: bench.signal } as const;
      const price = await queue.priceOfLook?.(look);
      if (price !== null) expect(price).toMatch(/\S/);
      // This is the very first look.
      for (const count of await counts()) if (count !== null) expect(count).toBeLessThanOrEqual(1);
    },
  },
  survey: {
    title: 'plain messages can all be taken out, and asking changes nothing',
    needs: ['publisher'],
    async run(bench) {
      const queue = await filled(bench);
      const options = { state: 'ready', by: 'removes', signal: bench.signal } as const;
      expect(await queue.survey?.({ ...options, limit: null })).toMatchObject({ moved: 3, skipped: [], failed: [] });
      expect(await queue.survey?.({ ...options, limit: 2 })).toMatchObject({ moved: 2, skipped: [], failed: [] });
      bench.expectBodies(await bench.contents(queue), bodies(3));
    },
  },
  keepsNative: {
    title: 'a record of another broker comes back with its message',
    needs: ['publisher'],
    async run(bench) {
      const queue = await bench.queue();
      const native = { elsewhere: { bytes: 'AAEC', onlyHere: ['its colour'], more: { n: 1, list: [null, true] } } };
      await bench.fill(queue, bodies(1), { native });
      expect((await bench.contents(queue)).map((message) => message.native)).toMatchObject([native]);
    },
  },
  sendAll: {
    title: 'one outcome for each message, and all are stored in their order',
    needs: ['publisher'],
    async run(bench) {
      const queue = await bench.queue();
      const publisher = await bench.publisher(queue);
      expect(await publisher.sendAll?.([])).toEqual([]);
      const outcomes = (await publisher.sendAll?.(bodies(50).map((body) => bench.message(body)))) ?? [];
      expect(outcomes.map(({ status }) => status)).toEqual(bodies(50).map(() => 'sent'));
      const arrived = await bench.contents(queue);
      bench.expectBodies(arrived, bodies(50));
      const ids = outcomes.map((outcome) => (outcome.status === 'sent' ? outcome.id : null));
      for (const [at, id] of ids.entries()) if (id !== null) expect(arrived[at]?.id).toBe(id);
    },
  },
  sendBodies: 'enqueue: bodies, headers, outcomes',
  window: {
    title: 'a whole number of messages, one at least',
    needs: ['publisher'],
    async run(bench) {
      const { window } = await bench.publisher(await bench.queue());
      expect(Number.isInteger(window)).toBe(true);
      expect(window).toBeGreaterThan(0);
    },
  },
  unseen: {
    title: 'nothing is unseen of a queue that was taken to its end',
    needs: ['publisher', 'consume'],
    async run(bench) {
      const consumer = await bench.consume(await filled(bench));
      for await (const { receipt } of consumer) await receipt.ack();
      expect(consumer.unseen ?? 0).toBe(0);
    },
  },
  pages: {
    title: 'what is acknowledged together is gone, and the rest of the page comes again, in order',
    needs: ['publisher', 'consume'],
    async run(bench) {
      const queue = await bench.queue();
      await bench.fill(queue, bodies(5));
      const consumer = await bench.consume(queue, { limit: 5 });
      const seen: Message[] = [];
      for await (const { deliveries, ackAll } of consumer.pages?.() ?? []) {
        seen.push(...deliveries.map(({ message }) => message));
        const chosen = deliveries.filter(({ message }) => ['{"n":2}', '{"n":4}'].includes(text(message)));
        expect(await ackAll(chosen)).toEqual(chosen.map(() => null));
      }
      await consumer.close();
      bench.expectBodies(seen, bodies(5));
      bench.expectBodies(await bench.contents(queue), ['{"n":1}', '{"n":3}', '{"n":5}']);
    },
  },
  hold: 'consume: order, limit, window, waiting',
  stays: {
    title: 'plain messages can be taken out',
    needs: ['publisher', 'consume'],
    async run(bench) {
      const consumer = await bench.consume(await filled(bench));
      for await (const { receipt, stays } of consumer) {
        expect(stays).toBeUndefined();
        await receipt.ack();
      }
    },
  },
  leadsTo: {
    title: 'a message that names nothing leads nowhere',
    needs: ['publisher', 'deadLetters'],
    async run(bench) {
      const queue = await bench.queue({ deadLetters: true });
      await bench.fill(queue, bodies(1));
      const links = await queue.deadLetters?.(bench.signal);
      for (const message of await bench.contents(queue)) expect((await links?.leadsTo?.(message)) ?? null).toBeNull();
    },
  },
  mayNotRestore: {
    title: 'what the queue itself lost can be restored',
    needs: ['publisher', 'deadLetters'],
    async run(bench) {
      for (const { restored } of await restoredOf(bench)) expect(restored.dead).toBeNull();
    },
  },
  messagesAreSilent: {
    title: 'a dead letter names no other queue than the links do, wherever it came from',
    needs: ['publisher', 'deadLetters'],
    async run(bench) {
      const [one, other] = [await bench.queue({ deadLetters: true }), await bench.queue({ deadLetters: true })];
      const [lost] = await deadOf(bench, one, bodies(1));
      const own = await deadOf(bench, other, bodies(1, 2));
      const { holder, state } = await locate(bench, other);
      if (holder.name !== other.name && lost !== undefined) {
        const publisher = await bench.publisher(holder);
        const options = { setHeaders: {}, countReplay: false, from: one.place };
        expect(await publisher.send(toOutgoing(lost, options))).toMatchObject({ status: 'sent' });
        own.push(...(await bench.contents(holder, state)));
      }
      for (const { dead } of own) expect([null, undefined, other.name]).toContain(dead?.from);
    },
  },
  movesEachHome: {
    title: 'a native move to the origin brings the dead letters back to the queue that lost them, and all of them',
    needs: ['publisher', 'deadLetters', 'nativeMove'],
    async run(bench) {
      const { queue, holder, state, move } = await homeward(bench, bodies(2));
      if (!(await isMoved(move))) return;
      await bench.expectCount(queue, 'ready', 2);
      expect((await bench.contents(queue)).map(text).toSorted()).toEqual(bodies(2));
      expect(await bench.contents(holder, state)).toEqual([]);
    },
  },
  ofHolder: {
    title: 'says of the dead-letter queue what that one says of itself',
    needs: ['deadLetters'],
    async run(bench) {
      const links = await (await bench.queue({ deadLetters: true })).deadLetters?.(bench.signal);
      if (links?.ofHolder === undefined || links.keptIn.place !== 'queue') return;
      const holder = await (await bench.broker()).queue(links.keptIn.queue, bench.signal);
      const told = links.ofHolder();
      const own = await holder.deadLetters?.(bench.signal);
      expect(told.keptIn).toEqual(own?.keptIn);
      expect(await sourcesIn(told)).toEqual(await sourcesIn(own));
    },
  },
  readSources: {
    title: 'what is read only when it matters is what the dead-letter queue itself says',
    needs: ['deadLetters'],
    async run(bench) {
      const queue = await bench.queue({ deadLetters: true });
      const links = await queue.deadLetters?.(bench.signal);
      if (links?.keptIn.place !== 'queue') return;
      const holder = await (await bench.broker()).queue(links.keptIn.queue, bench.signal);
      for (const told of [links.ofHolder?.(), await holder.deadLetters?.(bench.signal)]) {
        if (told === undefined) continue;
        expect(await sourcesIn(told)).toContain(queue.name);
        if (told.readSources !== undefined) expect(told.sources).toBeNull();
      }
    },
  },
  unwraps: {
    title: 'what nobody has wrapped is restored with its own body',
    needs: ['publisher', 'deadLetters'],
    async run(bench) {
      for (const { message, restored } of await restoredOf(bench)) expect(text(restored)).toBe(text(message));
    },
  },
  stop: {
    title: 'after it, the move has ended, and all that it moved has been told',
    needs: ['publisher', 'deadLetters', 'nativeMove'],
    async run(bench) {
      const { queue, holder, state, move } = await homeward(bench, bodies(5));
      let told = 0;
      try {
        told = (await move.next({ upTo: 1 })).moved;
      } catch (error) {
        // Not every server of a broker has such moves.
        if (isMqError(error) && error.code === 'NOT_SUPPORTED') return;
        throw error;
      } finally {
        told += (await move.stop?.())?.moved ?? 0;
        await move.close();
      }
      await bench.expectCount(queue, 'ready', told);
      expect(await bench.contents(holder, state)).toHaveLength(5 - told);
    },
  },
};

/** What the queue itself made dead, and each as it was before. */
async function restoredOf(bench: Bench) {
  const queue = await bench.queue({ deadLetters: true });
  const dead = await deadOf(bench, queue, bodies(2));
  const { links } = await locate(bench, queue);
  return dead.map((message) => ({ message, restored: links.restore(message, { keepDeathHeaders: false }) }));
}

/** A native move to the origin of the dead letters of one queue. It has not begun. */
async function homeward(bench: Bench, dead: readonly string[]) {
  const queue = await bench.queue({ deadLetters: true });
  await deadOf(bench, queue, dead);
  const { holder, state } = await locate(bench, queue);
  const wanted = { state, to: 'origin', selective: false, limit: null, countReplay: false } as const;
  const move = await holder.nativeMove?.({ ...wanted, ...bench.call });
  if (move === null || move === undefined) throw new Error('there is no such move');
  return { queue, holder, state, move };
}

/** True if all is moved. False: this server of the broker has no such moves. */
async function isMoved(move: NativeMove): Promise<boolean> {
  try {
    for (;;) if ((await move.next({ upTo: 10 })).exhausted) return true;
  } catch (error) {
    if (isMqError(error) && error.code === 'NOT_SUPPORTED') return false;
    throw error;
  } finally {
    await move.close();
  }
}

async function filled(bench: Bench): Promise<Queue> {
  const queue = await bench.queue();
  await bench.fill(queue, bodies(3));
  return queue;
}
