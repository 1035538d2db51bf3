import { describe, expect, it } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import type { Death } from '../../../src/contract/message.ts';
import { EVERYTHING, selection } from '../../../src/core/selection.ts';
import type { Whose } from '../../../src/core/whose.ts';

const death: Death = { from: null, reason: 'rejected', error: null, at: null, count: 1, replays: 0 };
const lostBy = (from: string | null, reason = 'rejected') => message({ dead: { ...death, from, reason } });

describe('whose dead letter a message is', () => {
  const whose: Whose = { lostBy: 'orders', silent: 'left', holder: 'dlq', sources: ['orders', 'emails'] };

  it('is what the message says, also when the links know one source only', () => {
    const chosen = selection(EVERYTHING, { ...whose, silent: 'meant', sources: ['orders'] });
    expect(chosen.everything).toBe(false);
    expect(chosen.verdict(lostBy('orders'))).toBe('take');
    expect(chosen.verdict(lostBy('emails'))).toBe('leave');
    expect(chosen.remarks()).toEqual([]);
  });

  it('is left open for a silent message when several queues may have lost it', () => {
    const chosen = selection(EVERYTHING, whose);
    expect(chosen.verdict(lostBy(null))).toBe('leave');
    expect(chosen.verdict(message({}))).toBe('leave');
    expect(chosen.remarks()).toEqual([
      '2 messages do not say which queue lost them, and were left in dlq: orders, emails send dead letters there',
    ]);
  });

  it('is left open for a silent message when the links could not be read', () => {
    const chosen = selection(EVERYTHING, { ...whose, sources: null });
    expect(chosen.verdict(lostBy(null))).toBe('leave');
    expect(chosen.remarks().join()).toContain('could not be read');
  });

  it('is decided by the links for a silent message, and told, where they leave one answer', () => {
    const chosen = selection(EVERYTHING, { ...whose, silent: 'meant', sources: ['orders'] });
    expect(chosen.verdict(lostBy(null))).toBe('take');
    expect(chosen.remarks()).toEqual([
      "1 message does not say which queue lost it: taken for orders's, the only queue whose dead letters come to dlq",
    ]);
  });

  it('is what the message names where nothing links the queue; what only expired there is fresh work', () => {
    const chosen = selection(EVERYTHING, { lostBy: null, silent: 'left', holder: 'parked', sources: [] });
    expect(chosen.verdict(lostBy('orders'))).toBe('take');
    expect(chosen.verdict(lostBy('parked'))).toBe('leave');
    expect(chosen.verdict(lostBy('orders.wait', 'expired'))).toBe('leave');
    expect(chosen.verdict(message({}))).toBe('leave');
    expect(chosen.verdict(lostBy(null))).toBe('take');
    expect(chosen.remarks()).toEqual([
      '1 message bears no known mark of a death, and no queue sends its dead letters to parked: left out (redrive sends all that is there with --to QUEUE)',
    ]);
  });
});
