import type { Capabilities } from '../contract/capabilities.ts';
import { Bench } from './bench.ts';
import type { Harness } from './harness.ts';

/** One question for a kind of queue. It rejects if the answer is wrong. */
export interface Case {
  readonly title: string;
  run(bench: Bench): Promise<void>;
}

/** The facts that are read from a queue before the cases are chosen. */
export interface Look {
  readonly capabilities: Capabilities;
  readonly members: ReadonlySet<string>;
  readonly brokerMembers: ReadonlySet<string>;
}

/** The cases about one concept that apply to the queue's own declaration. */
export type Section = (look: Look) => readonly Case[];

/** Opens a queue of the kind once, to read its declaration. */
export async function lookAt(harness: Harness): Promise<Look> {
  const signal = new AbortController().signal;
  const base = `mq-conformance-look-${crypto.randomUUID()}`;
  const name = harness.queueName?.(base) ?? base;
  const made = await harness.makeQueue(name, { deadLetters: false });
  if (made === null) throw new Error(`the harness could not make ${name}`);
  try {
    const broker = await harness.backend.open(harness.url, { connectTimeoutMs: 10_000, notice: () => {}, signal });
    try {
      const queue = await broker.queue(name, signal);
      return { capabilities: queue.capabilities, members: membersOf(queue), brokerMembers: membersOf(broker) };
    } finally {
      await broker.close();
    }
  } finally {
    await made.remove();
  }
}

/** All members with a value, including inherited ones. */
export function membersOf(handle: object): ReadonlySet<string> {
  const names = new Set<string>();
  for (let at: object | null = handle; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (Reflect.get(handle, name) !== undefined) names.add(name);
  }
  return names;
}

/** Runs one case on its own bench and clears the bench away. */
export async function runCase(harness: Harness, look: Look, one: Case): Promise<void> {
  const bench = new Bench(harness, look.capabilities);
  await bench.start();
  try {
    await one.run(bench);
  } catch (error) {
    // The case's own failure says more than a failure of the clearing after it.
    await bench.finish().catch(() => {});
    throw error;
  }
  await bench.finish();
}
