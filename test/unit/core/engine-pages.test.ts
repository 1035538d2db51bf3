import { describe, expect, it } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import { MqError } from '../../../src/contract/errors.ts';
import type { Delivery, Message } from '../../../src/contract/message.ts';
import type { Consumer } from '../../../src/contract/queue.ts';
import { transfer } from '../../../src/core/engine.ts';
import type { PutOutcome, TransferRequest } from '../../../src/core/transfer.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { transferRequest } from './transfer-request.ts';

/** Gives numbered messages in pages, and remembers how each was settled. */
class Pages {
  /** One list a call. */
  readonly ackedTogether: string[][] = [];
  readonly acked: string[] = [];
  readonly lost = new Set<string>();
  readonly stays = new Set<string>();
  pagesTaken = 0;
  readonly #pages: readonly (readonly Message[])[];

  constructor(count: number, size: number) {
    const all = Array.from({ length: count }, (_, index) => message({ id: String(index), enqueuedAt: index }));
    this.#pages = Array.from({ length: Math.ceil(count / size) }, (_, page) =>
      all.slice(page * size, (page + 1) * size),
    );
  }

  readonly open = async (signal: AbortSignal): Promise<Consumer> => {
    const self = this;
    const delivery = (one: Message): Delivery => ({
      message: one,
      receipt: {
        ack: async () => void self.acked.push(one.id ?? ''),
        release: async () => {},
      },
      ...(self.stays.has(one.id ?? '') ? { stays: 'it cannot be taken out' } : {}),
    });
    async function* pages() {
      for (const page of self.#pages) {
        if (signal.aborted) return;
        self.pagesTaken += 1;
        yield {
          deliveries: page.map(delivery),
          ackAll: async (some: readonly Delivery[]) => {
            const ids = some.map(({ message: { id } }) => id ?? '');
            self.ackedTogether.push(ids.filter((id) => !self.lost.has(id)));
            return ids.map((id) => (self.lost.has(id) ? new MqError('UNAVAILABLE', 'no answer') : null));
          },
        };
      }
    }
    return {
      [Symbol.asyncIterator]: () => {
        throw new Error('its pages are to be taken');
      },
      pages,
      close: async () => {},
    };
  };
}

function request(
  putAll: (ids: readonly string[]) => readonly PutOutcome[],
  special: Partial<TransferRequest> = {},
): TransferRequest {
  const idsOf = (messages: readonly Message[]): string[] => messages.map(({ id }) => id ?? '');
  return transferRequest({
    destination: {
      put: async (one) => putAll(idsOf([one]))[0] ?? sent,
      putAll: async (messages) => putAll(idsOf(messages)),
    },
    byPage: true,
    ...special,
  });
}

const sent: PutOutcome = { status: 'sent', id: null };
const allSent = (ids: readonly string[]): readonly PutOutcome[] => ids.map(() => sent);

describe('transfer by page', () => {
  it('sends a page together, and then removes it together', async () => {
    const source = new Pages(5, 2);
    const order: string[] = [];
    const report = await transfer(
      request((ids) => {
        expect(source.ackedTogether.flat()).not.toContain(ids[0]);
        order.push(ids.join());
        return allSent(ids);
      }),
      source.open,
    );
    expect(order).toEqual(['0,1', '2,3', '4']);
    expect(source.ackedTogether).toEqual([['0', '1'], ['2', '3'], ['4']]);
    expect(report).toMatchObject({ matched: 5, moved: 5, failed: 0, left: 0, unknown: 0, complete: true });
  });

  it('removes of a page only what was stored: the failed stay, the doubtful stay and end the run', async () => {
    const source = new Pages(8, 4);
    const outcomes: Record<string, PutOutcome> = {
      '1': { status: 'failed', reason: 'too large' },
      '2': { status: 'unknown', reason: 'no answer' },
    };
    const report = await transfer(
      request((ids) => ids.map((id) => outcomes[id] ?? sent), { window: 4 }),
      source.open,
    );
    expect(source.ackedTogether).toEqual([['0', '3']]);
    expect(source.acked).toEqual([]);
    expect(source.pagesTaken).toBeLessThanOrEqual(2);
    expect(report).toMatchObject({ moved: 2, failed: 1, unknown: 1, complete: false });
  });

  it('takes an outcome that is missing for unknown', async () => {
    const source = new Pages(2, 2);
    const report = await transfer(
      request((ids) => allSent(ids.slice(1))),
      source.open,
    );
    expect(source.ackedTogether).toEqual([['0']]);
    expect(report).toMatchObject({ moved: 1, unknown: 1, complete: false });
  });

  it('tells of each whose removal is not certain, and ends', async () => {
    const source = new Pages(9, 3);
    source.lost.add('1');
    const report = await transfer(request(allSent, { window: 3 }), source.open);
    expect(report).toMatchObject({ unknown: 1, complete: false });
    expect(report.failures).toEqual([{ id: '1', reason: 'stored, but its removal is not certain: no answer' }]);
    expect(report.moved).toBe(source.ackedTogether.flat().length);
  });

  it('sends again, by itself, what was refused for now', async () => {
    const source = new Pages(3, 3);
    let refusals = 2;
    const clock = new VirtualClock();
    const report = transfer(
      request((ids) =>
        ids.map((id) => (id === '1' && refusals-- > 0 ? { status: 'failed', reason: 'full', again: true } : sent)),
      ),
      source.open,
      clock,
    );
    await clock.advance(60_000);
    expect(source.ackedTogether).toEqual([['0', '2']]);
    expect(source.acked).toEqual(['1']);
    expect(await report).toMatchObject({ moved: 3, failed: 0, complete: true });
  });

  it('takes a page one by one if one of it cannot be taken out, or is newer than the start', async () => {
    const source = new Pages(6, 3);
    source.stays.add('1');
    const report = await transfer(request(allSent, { notAfter: 4 }), source.open);
    expect(source.acked).toEqual(['0', '2', '3', '4']);
    expect(source.ackedTogether).toEqual([]);
    expect(report).toMatchObject({ moved: 4, failed: 1, left: 1 });
  });

  it('ends after a failed page, and takes no more', async () => {
    const source = new Pages(1_000, 50);
    const failed: PutOutcome = { status: 'failed', reason: 'disk full', batch: 1 };
    const report = await transfer(
      request((ids) => ids.map(() => failed), { window: 100 }),
      source.open,
    );
    expect(report.failed).toBeLessThan(200);
    expect(report).toMatchObject({ moved: 0, complete: false });
    expect(source.acked).toEqual([]);
  });
});
