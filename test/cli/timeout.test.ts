import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/contract/broker.ts';
import { abortedError } from '../../src/contract/errors.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeAll(async () => {
  mq = await CommandLine.open();
});
afterAll(() => mq.close());

/** A broker that takes calls and never answers one; how long it stayed open is known by `closed`. */
function silentBroker(): Broker & { closed: boolean } {
  const never = async (signal: AbortSignal): Promise<never> => {
    if (!signal.aborted) await once(signal, 'abort');
    throw abortedError(signal);
  };
  return {
    name: 'silent',
    address: 'silent://',
    closed: false,
    queues: (_pattern, { signal }) => ({
      [Symbol.asyncIterator]: () => ({ next: () => never(signal) }),
    }),
    queue: (_name, signal) => never(signal),
    create: (_name, { signal }) => never(signal),
    async close() {
      this.closed = true;
    },
  };
}

describe('--timeout', () => {
  it.each([
    [['ls']],
    [['ls', 'q']],
    [['stats', 'q*']],
    [['inspect', 'q']],
    [['peek', 'q']],
    [['enqueue', 'q', 'a']],
    [['drain', 'q']],
    [['redrive', 'q', '--yes']],
    [['move', 'a', 'b', '--yes']],
    [['purge', 'q', '--yes']],
    [['delete', 'q', '--yes']],
    [['pause', 'q']],
    [['create', 'q']],
  ])('mq %j ends with 5 when the broker never answers, and closes the connection', async (args) => {
    const broker = silentBroker();
    const ran = await mq.run([...args, '--timeout', '20ms'], { broker });
    expect(ran.code).toBe(5);
    expect(ran.stderr).toContain('the broker did not answer within 20ms');
    expect(ran.stdout).toBe('');
    expect(broker.closed).toBe(true);
  });
});
