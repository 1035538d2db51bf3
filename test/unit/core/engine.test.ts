import { describe, expect, it } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import { MqError } from '../../../src/contract/errors.ts';
import type { Death, Message, SendOutcome } from '../../../src/contract/message.ts';
import type { Consumer } from '../../../src/contract/queue.ts';
import { transfer } from '../../../src/core/engine.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { EVERYTHING, selection } from '../../../src/core/selection.ts';
import type { TransferRequest } from '../../../src/core/transfer.ts';
import { takeLimit } from '../../../src/core/transfer.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { transferRequest } from './transfer-request.ts';

/** A queue of numbered messages that remembers what happened to each: the facts that a lossless engine is judged by. */
class Source {
  readonly acked: string[] = [];
  readonly released: string[] = [];
  readonly failed: string[] = [];
  closed = 0;
  taken = 0;
  breakAfter = Number.POSITIVE_INFINITY;
  ackFails = new Set<string>();
  /** After the last message: wait for more until the signal aborts. */
  follow = false;
  closeFails = false;
  /** Its receipts can `hold`: what is released comes again. */
  keeps = false;
  readonly #messages: readonly Message[];

  constructor(
    count: number,
    enqueuedAt = (index: number) => 1000 + index,
    receiveCount: (index: number) => number | null = () => 1,
    dead: (index: number) => Death | null = () => null,
  ) {
    this.#messages = Array.from({ length: count }, (_, index) =>
      message({
        id: String(index),
        body: Buffer.from(`{"n":${index}}`),
        enqueuedAt: enqueuedAt(index),
        receiveCount: receiveCount(index),
        dead: dead(index),
      }),
    );
  }

  readonly open = async (signal: AbortSignal): Promise<Consumer> => {
    const self = this;
    async function* deliveries() {
      for (const one of self.#messages) {
        if (signal.aborted) return;
        if (self.taken >= self.breakAfter) throw new MqError('UNAVAILABLE', 'the connection broke');
        self.taken += 1;
        const id = one.id ?? '';
        yield {
          message: one,
          receipt: {
            async ack() {
              if (self.ackFails.has(id)) throw new MqError('UNAVAILABLE', 'no answer');
              self.acked.push(id);
            },
            async release(options?: { readonly failure?: string }) {
              (options?.failure === undefined ? self.released : self.failed).push(id);
            },
            ...(self.keeps ? { hold: () => {} } : {}),
          },
        };
      }
      if (self.follow) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    }
    const iterator = deliveries();
    return {
      [Symbol.asyncIterator]: () => iterator,
      close: async () => {
        self.closed += 1;
        if (self.closeFails) throw new MqError('UNAVAILABLE', 'the acks are in doubt');
      },
    };
  };
}

const sent: SendOutcome = { status: 'sent', id: null };

function request(
  special: Partial<TransferRequest> = {},
): TransferRequest & { readonly notices: string[]; readonly stored: string[] } {
  const notices: string[] = [];
  const stored: string[] = [];
  const asked = transferRequest({
    destination: {
      put: async ({ id }) => {
        stored.push(id ?? '');
        return sent;
      },
    },
    notice: (text) => notices.push(text),
    ...special,
  });
  return { ...asked, notices, stored };
}

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => String(from + index));

describe('transfer', () => {
  it('removes each message after it is stored, and only then', async () => {
    const source = new Source(3);
    const order: string[] = [];
    const asked = request({
      destination: {
        put: async ({ id }) => {
          expect(source.acked).not.toContain(id);
          await new Promise(setImmediate);
          order.push(`stored ${id}`);
          return sent;
        },
      },
    });
    const report = await transfer(asked, source.open);
    expect(order).toEqual(['stored 0', 'stored 1', 'stored 2']);
    expect(source.acked).toEqual(['0', '1', '2']);
    expect(report).toMatchObject({ matched: 3, moved: 3, failed: 0, left: 0, complete: true });
    expect(source.closed).toBe(1);
  });

  it('removes nothing of a copy', async () => {
    const source = new Source(3);
    const asked = request({ removes: false });
    expect(await transfer(asked, source.open)).toMatchObject({ moved: 3, complete: true });
    expect(asked.stored).toEqual(['0', '1', '2']);
    expect(source.acked).toEqual([]);
  });

  it('takes what matches, leaves the rest unsettled, and skips what was replayed too often', async () => {
    const source = new Source(10);
    const filter = await compileFilter('body.n >= 5.0');
    const asked = request({ selection: selection({ ...EVERYTHING, filter }) });
    const report = await transfer(asked, source.open);
    expect(asked.stored).toEqual(ids(5, 10));
    expect(source.acked).toEqual(ids(5, 10));
    expect(source.released).toEqual([]);
    expect(report).toMatchObject({ matched: 5, moved: 5, left: 5 });
  });

  it('stops at max, and with a filter too', async () => {
    const source = new Source(10);
    const filter = await compileFilter('body.n >= 5.0');
    const report = await transfer(request({ max: 2, selection: selection({ ...EVERYTHING, filter }) }), source.open);
    expect(source.acked).toEqual(['5', '6']);
    expect(report).toMatchObject({ matched: 2, moved: 2, left: 5, complete: true });
    const none = new Source(10);
    expect(await transfer(request({ max: 0 }), none.open)).toMatchObject({ matched: 0, complete: true });
    expect(none.taken).toBe(0);
  });

  it('keeps a message whose sending failed, reports it, and goes on with the others', async () => {
    const source = new Source(4);
    const put = async ({ id }: Message): Promise<SendOutcome> =>
      id === '1' ? { status: 'failed', reason: 'too large' } : sent;
    const report = await transfer(request({ destination: { put } }), source.open);
    expect(source.acked).toEqual(['0', '2', '3']);
    expect(report).toMatchObject({ moved: 3, failed: 1, failures: [{ id: '1', reason: 'too large' }], complete: true });
  });

  it('stops when nothing is accepted any more, instead of trying the whole queue', async () => {
    const source = new Source(1000);
    const put = async (): Promise<SendOutcome> => ({ status: 'failed', reason: 'the queue is full' });
    const report = await transfer(request({ destination: { put }, window: 50 }), source.open);
    expect(source.acked).toEqual([]);
    expect(report.failed).toBeLessThan(100);
    expect(report.complete).toBe(false);
  });

  it('stops a consumer that waits for more, when nothing is accepted any more', async () => {
    const source = new Source(20);
    source.follow = true;
    const put = async (): Promise<SendOutcome> => ({ status: 'failed', reason: 'full' });
    expect(await transfer(request({ destination: { put }, window: 5 }), source.open)).toMatchObject({
      complete: false,
    });
    expect(source.closed).toBe(1);
  });

  it('never removes a message whose sending got no answer, and stops', async () => {
    const source = new Source(100);
    const put = async ({ id }: Message): Promise<SendOutcome> =>
      id === '3' ? { status: 'unknown', reason: 'no answer' } : sent;
    const report = await transfer(request({ destination: { put }, window: 1 }), source.open);
    expect(source.acked).toEqual(ids(0, 3));
    expect(report).toMatchObject({ moved: 3, unknown: 1, complete: false });
  });

  it('reports a message as unknown when it is stored but its removal is not certain', async () => {
    const source = new Source(5);
    source.ackFails.add('2');
    const report = await transfer(request({ window: 1 }), source.open);
    expect(report).toMatchObject({ unknown: 1, complete: false });
    expect(report.failures).toEqual([{ id: '2', reason: expect.stringContaining('removal is not certain') }]);
  });

  it('settles what is in the air when it is aborted, and takes nothing new', async () => {
    const source = new Source(1000);
    const abort = new AbortController();
    let answer: (() => void) | undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const put = async (): Promise<SendOutcome> => {
      if (source.taken === 10 && !abort.signal.aborted) {
        abort.abort();
        setImmediate(() => answer?.());
      }
      await answered;
      return sent;
    };
    const report = await transfer(request({ destination: { put }, signal: abort.signal }), source.open);
    expect(source.acked).toEqual(ids(0, report.moved));
    expect(report.moved).toBe(10);
    expect(report).toMatchObject({ failed: 0, unknown: 0, complete: false });
    expect(source.closed).toBe(1);
  });

  it('settles what is in the air when the source breaks off, and says that the rest is where it was', async () => {
    const source = new Source(100);
    source.breakAfter = 7;
    const asked = request();
    const report = await transfer(asked, source.open);
    expect(source.acked).toEqual(ids(0, 7));
    expect(report).toMatchObject({ moved: 7, complete: false });
    expect(asked.notices).toEqual(['stopped: the connection broke; what was not moved is still in a']);
  });

  it('is not complete when the source cannot be closed: what was acknowledged may come again', async () => {
    const source = new Source(3);
    source.closeFails = true;
    const asked = request();
    expect(await transfer(asked, source.open)).toMatchObject({ moved: 3, complete: false });
    expect(asked.notices).toEqual(['stopped: the acks are in doubt; what was not moved is still in a']);
  });

  it('throws when the source breaks off before anything was taken', async () => {
    const source = new Source(100);
    source.breakAfter = 0;
    await expect(transfer(request(), source.open)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(source.closed).toBe(1);
  });

  it('keeps no more in the air than the window', async () => {
    const source = new Source(50);
    let inTheAir = 0;
    let most = 0;
    const put = async (): Promise<SendOutcome> => {
      inTheAir += 1;
      most = Math.max(most, inTheAir);
      await new Promise(setImmediate);
      inTheAir -= 1;
      return sent;
    };
    await transfer(request({ destination: { put }, window: 7 }), source.open);
    expect(most).toBe(7);
    expect(source.acked).toHaveLength(50);
  });

  it('releases a failed delivery at once when it works as a worker, and goes on', async () => {
    const source = new Source(100);
    const put = async (): Promise<SendOutcome> => ({ status: 'failed', reason: 'exit 1' });
    const report = await transfer(request({ destination: { put }, onFailure: 'release', window: 2 }), source.open);
    expect(source.failed).toHaveLength(100);
    expect(report).toMatchObject({ failed: 100, complete: true });
  });

  describe('a worker whose message fails again and again', () => {
    const fails = async (): Promise<SendOutcome> => ({ status: 'failed', reason: 'exit 1' });

    it('gives it back at once 19 times, then after a second, doubled up to half a minute, and says so once', async () => {
      const counts = [1, 19, 20, 21, 24, 25, 400];
      const source = new Source(counts.length, undefined, (index) => counts[index] ?? null);
      source.follow = true;
      const clock = new VirtualClock();
      const end = new AbortController();
      const asked = request({ destination: { put: fails }, onFailure: 'release', signal: end.signal });
      const report = transfer(asked, source.open, clock);
      const released = new Map<number, readonly string[]>();
      for (const seconds of [0, 1, 2, 16, 30]) {
        await clock.advance(seconds * 1000 - clock.now());
        released.set(seconds, [...source.failed]);
      }
      expect(Object.fromEntries(released)).toEqual({
        0: ['0', '1'],
        1: ['0', '1', '2'],
        2: ['0', '1', '2', '3'],
        16: ['0', '1', '2', '3', '4'],
        30: ['0', '1', '2', '3', '4', '5', '6'],
      });
      expect(asked.notices).toEqual(['20 attempts have failed: from now on, mq pauses before each attempt']);
      end.abort();
      expect(await report).toMatchObject({ failed: 7 });
    });

    it('where the queue does not count them, counts those in a row; one that succeeds ends the row', async () => {
      const source = new Source(60, undefined, () => null);
      source.keeps = true;
      const clock = new VirtualClock();
      const put = async ({ id }: Message): Promise<SendOutcome> => (id === '10' ? sent : fails());
      const report = transfer(request({ destination: { put }, onFailure: 'release', window: 1 }), source.open, clock);
      await clock.advance(0);
      expect(source.failed).toHaveLength(10 + 19);
      await clock.advance(1000);
      expect(source.failed).toHaveLength(10 + 20);
      await clock.advance(1999);
      expect(source.failed).toHaveLength(10 + 20);
      await clock.advance(1);
      expect(source.failed).toHaveLength(10 + 21);
      await clock.advance(24 * 3_600_000);
      expect(await report).toMatchObject({ matched: 60, moved: 1, failed: 59, complete: true });
    });

    it('does not slow down where nothing brings it again', async () => {
      const source = new Source(60, undefined, () => null);
      const asked = request({ destination: { put: fails }, onFailure: 'release', window: 1 });
      expect(await transfer(asked, source.open, new VirtualClock())).toMatchObject({ failed: 60, complete: true });
    });

    it.each(['the signal aborts', 'no more is to be taken'])('waits no longer when %s', async (why) => {
      const source = new Source(1, undefined, () => 400);
      const end = new AbortController();
      const max = why === 'the signal aborts' ? null : 1;
      source.follow = max === null;
      const asked = request({ destination: { put: fails }, onFailure: 'release', signal: end.signal, max });
      const clock = new VirtualClock();
      const report = transfer(asked, source.open, clock);
      await clock.advance(1000);
      if (max === null) expect(source.failed).toEqual([]);
      end.abort();
      expect(await report).toMatchObject({ failed: 1 });
      expect(source.failed).toEqual(['0']);
    });
  });

  it('leaves what came after the start, where the depth at the start is not exact', async () => {
    const source = new Source(10);
    const report = await transfer(request({ notAfter: 1004 }), source.open);
    expect(source.acked).toEqual(ids(0, 5));
    expect(report).toMatchObject({ moved: 5, left: 5, complete: true });
  });

  it('does not stop at the first that came after the start, because others may come out of order', async () => {
    const source = new Source(10, (index) => (index % 2 === 0 ? 1000 : 2000));
    const asked = request({ notAfter: 1500 });
    expect(await transfer(asked, source.open)).toMatchObject({ moved: 5, left: 5, complete: true });
    expect(source.acked).toEqual(['0', '2', '4', '6', '8']);
    expect(asked.notices).toEqual(['5 messages came to a after the start, and were left']);
  });

  it('stops when newer ones fill the hand, and never calls that complete: older ones may be behind them', async () => {
    const endless = new Source(100, (index) => (index < 3 ? 1000 : 2000));
    expect(await transfer(request({ notAfter: 1500 }), endless.open)).toMatchObject({
      moved: 3,
      left: 50,
      complete: false,
    });
    const behind = new Source(40, (index) => (index < 20 ? 2000 : 1000));
    expect(await transfer(request({ notAfter: 1500 }), behind.open)).toMatchObject({
      moved: 20,
      left: 20,
      complete: true,
    });
    const mixed = new Source(100, (index) => (index % 2 === 0 ? 1000 : 2000));
    expect(await transfer(request({ notAfter: 1500, window: 8 }), mixed.open)).toMatchObject({
      moved: 4,
      left: 4,
      complete: false,
    });
  });

  describe('what the target refuses for now', () => {
    const busy: SendOutcome = { status: 'failed', reason: 'slow down', again: true };

    it('is sent again after a pause, and the failures in a row of others do not end the run', async () => {
      const clock = new VirtualClock();
      const source = new Source(30);
      const refused = new Set<string | null>();
      const put = async ({ id }: Message): Promise<SendOutcome> => {
        if (refused.has(id)) return sent;
        refused.add(id);
        return busy;
      };
      const asked = request({ destination: { put } });
      const running = transfer(asked, source.open, clock);
      for (let turn = 0; turn < 20; turn++) await clock.advance(5_000);
      expect(await running).toMatchObject({ moved: 30, failed: 0, complete: true });
      expect(source.acked).toHaveLength(30);
      expect(asked.notices.filter((notice) => notice.includes('slow down'))).toHaveLength(1);
    });

    it('fails, and stays, when a minute has brought no success', async () => {
      const clock = new VirtualClock();
      const source = new Source(3);
      const running = transfer(request({ destination: { put: async () => busy } }), source.open, clock);
      for (let turn = 0; turn < 40; turn++) await clock.advance(5_000);
      expect(await running).toMatchObject({ moved: 0, failed: 3 });
      expect(source.acked).toEqual([]);
    });

    it('goes back unsent when the operator interrupts the wait', async () => {
      const stop = new AbortController();
      const source = new Source(3);
      const destination = { put: async () => busy };
      const running = transfer(request({ destination, signal: stop.signal }), source.open, new VirtualClock());
      setImmediate(() => stop.abort());
      expect(await running).toMatchObject({ matched: 0, moved: 0, failed: 0, complete: false });
      expect(source.acked).toEqual([]);
    });
  });

  it('counts what one answer refused together as one failure in a row', async () => {
    const source = new Source(40);
    let number = 0;
    const put = async (): Promise<SendOutcome> => ({
      status: 'failed',
      reason: 'no',
      batch: Math.floor(number++ / 10),
    });
    expect(await transfer(request({ destination: { put } }), source.open)).toMatchObject({
      failed: 40,
      complete: true,
    });
  });

  describe('what was in the target already', () => {
    const already: SendOutcome = { status: 'sent', id: '7', already: true };
    const destination = { put: async ({ id }: Message) => (id === '1' ? already : sent) };

    it('has been moved by an earlier run: it leaves its source, and that is told', async () => {
      const source = new Source(3);
      const asked = request({ destination });
      expect(await transfer(asked, source.open)).toMatchObject({ moved: 3, skipped: 0 });
      expect(source.acked).toHaveLength(3);
      expect(asked.notices.join()).toContain('1 message was in b already');
    });

    it('was not copied', async () => {
      const source = new Source(3);
      const report = await transfer(request({ operation: 'copy', removes: false, destination }), source.open);
      expect(report).toMatchObject({ moved: 2, skipped: 1, failures: [{ id: '1', reason: 'is in b already' }] });
      expect(source.acked).toEqual([]);
    });
  });

  it('gives everything back also when a destination breaks its promise and rejects', async () => {
    const source = new Source(3);
    const put = async (): Promise<SendOutcome> => Promise.reject(new Error('a bug'));
    await expect(transfer(request({ destination: { put } }), source.open)).rejects.toThrow('a bug');
    expect(source.closed).toBe(1);
    expect(source.acked).toEqual([]);
  });

  it.each([
    [{ bound: 10, max: 3 }, 3],
    [{ bound: 2, max: 3 }, 2],
    [{ bound: null, max: 3 }, 3],
    [{ bound: 10, max: null }, 10],
    [{ bound: null, max: null }, null],
  ])('never takes more from the broker than it can use: %j', (bounds, limit) => {
    expect(takeLimit({ ...bounds, selection: selection(EVERYTHING) })).toBe(limit);
  });

  it('may look at all of them when it has to choose', async () => {
    const filter = await compileFilter('size > 0');
    expect(takeLimit({ bound: 10, max: 3, selection: selection({ ...EVERYTHING, filter }) })).toBe(10);
  });
});
