import type { Message } from '../contract/message.ts';
import type { DeadLetters, Queue } from '../contract/queue.ts';
import { type LocatedDeadLetters, locateDeadLetters } from '../core/dead-letters.ts';
import { type Bench, eventually } from './bench.ts';
import { expect } from './expect.ts';

/** Where the queue's dead letters are kept. */
export async function locate(bench: Bench, queue: Queue): Promise<LocatedDeadLetters> {
  const located = await locateDeadLetters(await bench.broker(), queue, bench.signal);
  if (located === null) throw new Error('the harness made a queue that keeps no dead letters');
  return located;
}

/** The queues whose dead letters arrive there, also if they are read only when it matters. */
export async function sourcesIn(links: DeadLetters | undefined): Promise<readonly string[] | null> {
  return links?.sources ?? (await links?.readSources?.()) ?? null;
}

/** Makes these die in the queue, and reads them where they are kept. */
export async function deadOf(bench: Bench, queue: Queue, bodies: readonly string[]): Promise<Message[]> {
  const { deadLetter } = bench.harness;
  if (deadLetter === undefined) throw new Error('the harness of a kind that keeps dead letters needs deadLetter');
  await deadLetter.call(bench.harness, queue.name, bodies);
  const { holder, state } = await locate(bench, queue);
  let dead: Message[] = [];
  // The broker may transfer them in its own time.
  await eventually(async () => {
    dead = await bench.contents(holder, state);
    expect(dead).toHaveLength(bodies.length);
  });
  return dead;
}
