import { abortedError } from '../../contract/errors.ts';
import type { Delivery } from '../../contract/message.ts';
import type { ConsumeOptions, Consumer } from '../../contract/queue.ts';
import type { Fault } from './faults.ts';
import type { MemoryState, Stored } from './state.ts';

export function consumeMemory(
  state: MemoryState,
  options: ConsumeOptions,
  has: (fault: Fault) => boolean,
  open: AbortSignal,
): Consumer {
  const held = new Map<Stored, Delivery>();
  const kept = new Set<Stored>();
  const closing = new AbortController();
  const over = AbortSignal.any([options.signal, closing.signal, open]);
  let taken = 0;

  const settle = (stored: Stored, how: () => void): void => {
    if (!held.delete(stored) && !has('settles twice')) return;
    kept.delete(stored);
    how();
    wakeWindow();
  };
  let wakeWindow = (): void => {};
  const windowOpens = (): Promise<void> =>
    new Promise((resolve) => {
      wakeWindow = resolve;
      over.addEventListener('abort', () => resolve(), { once: true });
    });

  const release = (stored: Stored, failure: string | undefined): void => {
    if (has('release loses the message')) return void state.remove(stored);
    const deliveries = stored.message.receiveCount ?? 0;
    if (failure === undefined) {
      stored.message = { ...stored.message, receiveCount: deliveries - 1 };
      state.put(stored, options.state, stored.message.dead);
    } else if (deliveries >= stored.attempts) {
      state.put(stored, 'dead', {
        from: state.name,
        reason: 'failed',
        error: failure,
        at: Date.now(),
        count: 1,
        replays: 0,
      });
    } else state.put(stored, 'ready');
  };

  const deliver = (stored: Stored): Delivery => {
    const { dead } = stored.message;
    stored.message = { ...stored.message, receiveCount: (stored.message.receiveCount ?? 0) + 1 };
    state.put(stored, 'in-flight', dead);
    const delivery: Delivery = {
      message: { ...stored.message, state: options.state },
      receipt: {
        ack: async () => {
          if (has('ack does nothing')) return;
          settle(stored, () => void (has('ack leaves it in flight') || state.remove(stored)));
        },
        release: async (how) => settle(stored, () => release(stored, how?.failure)),
        hold: () => {
          if (!held.has(stored) || has('waits for what is kept')) return;
          kept.add(stored);
          wakeWindow();
        },
      },
    };
    held.set(stored, delivery);
    taken += 1;
    return delivery;
  };

  const isInHand = (): boolean => options.window !== 'unbounded' && held.size > kept.size;
  const isIdle = (from: number): boolean => options.idleMs !== null && Date.now() - from >= options.idleMs;

  async function* deliveries(): AsyncGenerator<Delivery> {
    const limit = options.limit === null ? null : options.limit + (has('takes more than the limit') ? 1 : 0);
    const window = options.window === 'unbounded' || has('takes more than the window') ? Infinity : options.window;
    while (!over.aborted && (limit === null || taken < limit)) {
      const waitedFrom = Date.now();
      if (held.size >= window) {
        await windowOpens();
        if (isIdle(waitedFrom) && has('is idle while a message is in hand')) return;
        continue;
      }
      const isHeldBack =
        state.paused &&
        options.state === 'ready' &&
        !has('delivers while paused') &&
        (options.evenPaused !== true || has('a pause stops the operator'));
      const list = isHeldBack ? [] : state.list(options.state);
      const next = has('takes the newest first') ? list.at(-1) : list[0];
      if (next !== undefined) yield deliver(next);
      else if (isInHand() && !options.follow && !has('calls the queue empty while a message is in hand'))
        await windowOpens();
      else if (!options.follow) return;
      else {
        await state.change(over, options.idleMs);
        if (isIdle(waitedFrom) && !isInHand()) return;
      }
    }
    if (open.aborted) throw abortedError(open);
  }

  // Does what a server does with the messages of a lost connection.
  open.addEventListener('abort', () => {
    for (const { receipt } of [...held.values()]) void receipt.release();
  });
  const iteration = deliveries();
  return {
    [Symbol.asyncIterator]: () => iteration,
    async close() {
      closing.abort();
      if (has('close keeps what is in hand')) return;
      for (const { receipt } of [...held.values()]) await receipt.release();
    },
  };
}
