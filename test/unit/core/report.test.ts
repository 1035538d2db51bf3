import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Tally } from '../../../src/core/report.ts';

const facts = {
  operation: 'move',
  from: 'a',
  to: ['b'],
  dryRun: false,
  guarantee: 'at-least-once',
  native: false,
  complete: true,
} as const;

describe('report', () => {
  it('balances whatever happened', () => {
    const events = fc.array(fc.constantFrom('move', 'skip', 'fail', 'doubt', 'leave'));
    fc.assert(
      fc.property(events, (happened) => {
        const tally = new Tally();
        for (const event of happened) {
          tally.seen += 1;
          if (event === 'leave') tally.left += 1;
          else tally.matched += 1;
          if (event === 'move') tally.moved += 1;
          if (event === 'skip') tally.skip({ id: null, reason: 'r' });
          if (event === 'fail') tally.fail({ id: null, reason: 'r' });
          if (event === 'doubt') tally.doubt({ id: null, reason: 'r' });
        }
        const report = tally.close(facts);
        expect(report.matched).toBe(report.moved + report.skipped + report.failed + report.unknown);
        expect(report.matched + report.left).toBe(happened.length);
        expect(report.failures).toHaveLength(report.skipped + report.failed + report.unknown);
      }),
    );
  });

  it.each([
    ['a message matched and then forgotten', { seen: 1, matched: 1 }],
    ['a message seen and then forgotten', { seen: 1 }],
    ['more moved than matched', { seen: 1, matched: 1, moved: 2 }],
  ])('refuses to report %s', (_what, counts) => {
    const tally = Object.assign(new Tally(), counts);
    expect(() => tally.close(facts)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
  });

  it('lists at most a thousand failures and counts them all', () => {
    const tally = new Tally();
    for (let i = 0; i < 1500; i++) {
      tally.seen += 1;
      tally.matched += 1;
      tally.fail({ id: String(i), reason: 'r' });
    }
    const report = tally.close(facts);
    expect([report.failed, report.failures.length]).toEqual([1500, 1000]);
  });
});
