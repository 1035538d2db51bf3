import { expect, test } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import { MqError } from '../../../src/contract/errors.ts';
import type { WatchedBroker } from '../../../src/top/watched.ts';
import { Connections } from '../../../src/top/work/connections.ts';

const never = new AbortController().signal;

/** A broker whose connections come about when the test says so. */
class Slow {
  readonly asked: {
    readonly arrive: () => void;
    readonly fail: (error: Error) => void;
    readonly signal: AbortSignal;
  }[] = [];
  closed = 0;

  connections(): Connections {
    const watched: WatchedBroker = {
      context: 'slow',
      selector: [],
      policy: null,
      shown: (message) => message,
      connect: ({ signal }) => {
        const { promise, resolve, reject } = Promise.withResolvers<Broker>();
        signal.addEventListener('abort', () => reject(new MqError('ABORTED', 'interrupted')));
        this.asked.push({ arrive: () => resolve(this.#broker()), fail: reject, signal });
        return promise;
      },
    };
    return new Connections([watched]);
  }

  #broker(): Broker {
    return {
      name: 'memory',
      address: 'memory',
      queues: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('not asked for')) }) }),
      queue: () => Promise.reject(new Error('not asked for')),
      close: async () => {
        this.closed += 1;
      },
    };
  }
}

test('whoever stops waiting does not take the connection from those who come after', async () => {
  const slow = new Slow();
  const connections = slow.connections();
  const left = new AbortController();
  const first = connections.to('slow', left.signal);
  left.abort();
  await expect(first).rejects.toMatchObject({ code: 'ABORTED' });
  const second = connections.to('slow', never);
  slow.asked[0]?.arrive();
  const broker = await second;
  expect(slow.asked).toHaveLength(1);
  expect(await connections.to('slow', never)).toBe(broker);
  await connections.close();
  expect(slow.closed).toBe(1);
});

test('a connection that failed is made anew', async () => {
  const slow = new Slow();
  const connections = slow.connections();
  const first = connections.to('slow', never);
  slow.asked[0]?.fail(new MqError('UNAVAILABLE', 'refused'));
  await expect(first).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  const second = connections.to('slow', never);
  slow.asked[1]?.arrive();
  expect((await second).name).toBe('memory');
  await connections.close();
});

test('one that is still being made when the view ends is given up', async () => {
  const slow = new Slow();
  const connections = slow.connections();
  const waiting = connections.to('slow', never);
  const ended = expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
  await connections.close();
  await ended;
  expect(slow.asked[0]?.signal.aborted).toBe(true);
});
