import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Broker } from '../../src/contract/broker.ts';
import { abortedError, type ErrorCode, MqError } from '../../src/contract/errors.ts';
import type { Queue } from '../../src/contract/queue.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeAll(async () => {
  mq = await CommandLine.open();
});
afterAll(() => mq.close());

/** Queues by name: a number of messages, what the broker says instead, or nothing at all. */
function brokerOf(queues: Readonly<Record<string, number | ErrorCode | 'silence'>>): Broker {
  return {
    name: 'test',
    address: 'test://',
    async *queues() {},
    async queue(name, signal) {
      const found = queues[name];
      if (found === 'silence') {
        if (!signal.aborted) await once(signal, 'abort');
        throw abortedError(signal);
      }
      if (typeof found === 'string') throw new MqError(found, `${name} is no good`, { queue: name });
      const stats = async () => ({
        ...{ queue: name, broker: 'test', kind: 'test', state: 'running', ready: found ?? 0, depth: found ?? 0 },
        ...{ approximate: [], notes: {}, sampledAt: 0 },
      });
      return { name, stats } as unknown as Queue;
    },
    async close() {},
  };
}

describe.each(['ls', 'stats'])('%s of queues by name', (verb) => {
  it.each([
    ['QUEUE_NOT_FOUND', 4],
    ['PERMISSION_DENIED', 6],
    ['THROTTLED', 5],
    ['PRECONDITION_FAILED', 1],
    ['UNEXPECTED_RESPONSE', 1],
  ] as const)('shows the others beside one of %s, and ends with %i', async (code, exit) => {
    const broker = brokerOf({ a: 1, b: code, c: 3 });
    const ran = await mq.run([verb, 'a', 'b', 'c', '-o', 'ndjson'], { broker });
    const rows = ran.stdout.trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row) as object)).toMatchObject([
      { queue: 'a', ready: 1 },
      { queue: 'c', ready: 3 },
    ]);
    expect(ran.code).toBe(exit);
    expect(ran.stderr).toContain('b is no good');
  });

  it('says each that could not be read; the first of them makes the exit code', async () => {
    const broker = brokerOf({ a: 'PERMISSION_DENIED', b: 2, c: 'QUEUE_NOT_FOUND' });
    const ran = await mq.run([verb, 'a', 'b', 'c'], { broker });
    expect(ran.code).toBe(6);
    expect(ran.stdout).toMatch(/b/);
    expect(ran.stderr).toContain('note: c is no good');
    expect(ran.stderr).toContain('error: a is no good');
  });

  it('prints nothing where none can be read', async () => {
    const ran = await mq.run([verb, 'a', '-o', 'json'], { broker: brokerOf({ a: 'QUEUE_NOT_FOUND' }) });
    expect(ran).toMatchObject({ code: 4, stdout: '' });
  });

  it('one that is not answered for costs one --timeout, and is said', async () => {
    const broker = brokerOf({ a: 1, b: 'silence', c: 3 });
    const ran = await mq.run([verb, 'a', 'b', 'c', '-o', 'ndjson', '--timeout', '50ms'], { broker });
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(ran.stderr).toContain('b: the broker did not answer within 50ms');
    expect(ran.code).toBe(5);
  });

  it('a broker that answers for none is asked no further', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `q${n}`);
    const broker = brokerOf(Object.fromEntries(names.map((name) => [name, 'silence'])));
    const startedAt = performance.now();
    const ran = await mq.run([verb, ...names, '--timeout', '300ms'], { broker });
    expect(ran.code).toBe(5);
    // Four times as long in turns of ten.
    expect(performance.now() - startedAt).toBeLessThan(1_100);
  });
});
