import { describe, expect, it } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { OutgoingMessage, SendOutcome } from '../../../src/contract/message.ts';
import type { Publisher } from '../../../src/contract/queue.ts';
import { type Batch, enqueueAll } from '../../../src/core/enqueue.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const busy: SendOutcome = { status: 'failed', reason: 'slow down', again: true };

/** Refuses each body for now so many times, then stores it. */
function reluctant(times: number) {
  const stored: string[] = [];
  const refusals = new Map<string, number>();
  const store = (body: string): SendOutcome => {
    const before = refusals.get(body) ?? 0;
    refusals.set(body, before + 1);
    if (before < times) return busy;
    stored.push(body);
    return { status: 'sent', id: body };
  };
  const publisher: Publisher = {
    misfits: () => [],
    send: async ({ body }: OutgoingMessage) => store(Buffer.from(body).toString()),
    sendBodies: async ({ bytes, bounds }) =>
      Array.from({ length: bounds.length / 2 }, (_, index) =>
        store(Buffer.from(bytes.subarray(bounds[2 * index], bounds[2 * index + 1])).toString()),
      ),
    close: async () => {},
  };
  return { publisher, stored };
}

async function* once(batch: Batch): AsyncGenerator<Batch> {
  yield batch;
}

describe('enqueue into a queue that refuses messages for now', () => {
  const bodies = ['a', 'bb', 'ccc'];
  const bare: Batch = { bytes: Buffer.from('a|bb|ccc'), bounds: [0, 1, 2, 4, 5, 8] };
  it.each([
    ['messages', bodies.map((body) => outgoing({ body: Buffer.from(body) }))],
    ['bare bodies', bare],
  ] as const)('sends %s again, each once in the end, and tells their outcomes in order', async (_, batch) => {
    const { publisher, stored } = reluctant(2);
    const clock = new VirtualClock();
    const told: SendOutcome[] = [];
    const notices: string[] = [];
    const running = enqueueAll(
      {
        ...{ publisher, to: 'q', notice: (text) => notices.push(text), batches: once(batch), pacer: null },
        ...{ onOutcome: (outcome) => void told.push(outcome), signal: new AbortController().signal },
      },
      clock,
    );
    for (let turn = 0; turn < 10; turn++) await clock.advance(5_000);
    expect(await running).toEqual({ sent: 3, failed: 0, unknown: 0 });
    expect(stored.toSorted()).toEqual(bodies);
    expect(told.map((outcome) => outcome.status === 'sent' && outcome.id)).toEqual(bodies);
    expect(notices).toHaveLength(1);
  });

  it('says after a minute that they were not sent', async () => {
    const { publisher, stored } = reluctant(1_000);
    const clock = new VirtualClock();
    const running = enqueueAll(
      {
        ...{ publisher, to: 'q', notice: () => {}, batches: once(bare), pacer: null },
        ...{ onOutcome: () => {}, signal: new AbortController().signal },
      },
      clock,
    );
    for (let turn = 0; turn < 40; turn++) await clock.advance(5_000);
    expect(await running).toEqual({ sent: 0, failed: 3, unknown: 0 });
    expect(stored).toEqual([]);
  });
});
