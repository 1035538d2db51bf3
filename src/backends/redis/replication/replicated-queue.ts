import { isMqError, type MqError } from '../../../contract/errors.ts';
import type { Delivery, SendOutcome } from '../../../contract/message.ts';
import type { Consumer, DeliveryPage, NativeMove, Publisher, Queue } from '../../../contract/queue.ts';
import { wrapConsumer, wrapPublisher, wrapQueue } from '../../../contract/wrap.ts';
import { internalsOf, rememberHandle } from '../handle.ts';
import type { Replicas } from './replicas.ts';

/** The queue, where nothing counts as done that only the master has. */
export function replicatedQueue(queue: Queue, replicas: Replicas): Queue {
  const { publisher, consume, nativeMove, purge } = queue;
  const internals = internalsOf(queue);
  const wrapped = wrapQueue(queue, {
    ...(publisher === undefined
      ? {}
      : {
          publisher: async (options) => {
            await replicas.countBeforeSending(options, queue.name);
            return replicatedPublisher(await publisher.call(queue, options), replicas);
          },
        }),
    ...(consume === undefined
      ? {}
      : {
          consume: async (options) => {
            await replicas.count(options.notice);
            return replicatedConsumer(await consume.call(queue, options), replicas);
          },
        }),
    ...(nativeMove === undefined
      ? {}
      : {
          nativeMove: async (request) => {
            await replicas.count(request.notice);
            const move = await nativeMove.call(queue, request);
            return move === null ? null : replicatedMove(move, replicas);
          },
        }),
    ...(purge === undefined
      ? {}
      : {
          purge: async (options) => {
            await replicas.count(options.notice);
            const result = await purge.call(queue, options);
            const doubt = await doubtOf(replicas);
            if (doubt === null) return result;
            options.notice(doubt);
            return { ...result, complete: false };
          },
        }),
  });
  return internals === null ? wrapped : rememberHandle(wrapped, internals);
}

/** Why a finished change may not last; null: it will. */
async function doubtOf(replicas: Replicas): Promise<string | null> {
  return (await faultOf(replicas))?.message ?? null;
}

async function faultOf(replicas: Replicas): Promise<MqError | null> {
  try {
    await replicas.confirmed();
    return null;
  } catch (error) {
    if (!isMqError(error)) throw error;
    return error;
  }
}

function replicatedPublisher(publisher: Publisher, replicas: Replicas): Publisher {
  const { sendAll, sendBodies } = publisher;
  async function confirmed(outcomes: readonly SendOutcome[]): Promise<readonly SendOutcome[]> {
    if (!outcomes.some(({ status }) => status === 'sent')) return outcomes;
    const reason = await doubtOf(replicas);
    if (reason === null) return outcomes;
    return outcomes.map((outcome) => (outcome.status === 'sent' ? { status: 'unknown', reason } : outcome));
  }
  return wrapPublisher(publisher, {
    async send(message) {
      const outcome = await publisher.send(message);
      return (await confirmed([outcome]))[0] ?? outcome;
    },
    ...(sendAll === undefined
      ? {}
      : { sendAll: async (messages) => confirmed(await sendAll.call(publisher, messages)) }),
    ...(sendBodies === undefined
      ? {}
      : { sendBodies: async (bodies) => confirmed(await sendBodies.call(publisher, bodies)) }),
  });
}

function replicatedConsumer(consumer: Consumer, replicas: Replicas): Consumer {
  async function* deliveries(): AsyncGenerator<Delivery> {
    for await (const delivery of consumer) {
      const { receipt } = delivery;
      const ack = async (): Promise<void> => {
        await receipt.ack();
        await replicas.confirmed();
      };
      yield { ...delivery, receipt: { ...receipt, ack } };
    }
  }
  async function* replicatedPages(pages: AsyncIterable<DeliveryPage>): AsyncGenerator<DeliveryPage> {
    for await (const page of pages) {
      const ackAll: DeliveryPage['ackAll'] = async (some) => {
        const faults = await page.ackAll(some);
        const doubt = faults.includes(null) ? await faultOf(replicas) : null;
        return doubt === null ? faults : faults.map((fault) => fault ?? doubt);
      };
      yield { ...page, ackAll };
    }
  }
  const { pages } = consumer;
  return wrapConsumer(consumer, {
    [Symbol.asyncIterator]: () => deliveries(),
    ...(pages === undefined ? {} : { pages: () => replicatedPages(pages.call(consumer)) }),
  });
}

function replicatedMove(move: NativeMove, replicas: Replicas): NativeMove {
  return {
    ...move,
    async next(selection) {
      const page = await move.next(selection);
      const reason = page.moved === 0 ? null : await doubtOf(replicas);
      if (reason === null) return page;
      const doubts = Array.from({ length: page.moved }, () => ({ id: null, reason }));
      return { ...page, moved: 0, unknown: [...page.unknown, ...doubts] };
    },
  };
}
