import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { parseDurationMs } from '../../../src/core/duration.ts';
import type { Snapshot } from '../../../src/feed/snapshot.ts';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { sqs } from '../../support/servers.ts';
import { createQueue, fill, openAt, outgoing, sendAll, takeAll, urlOf } from '../../support/sqs/harness.ts';
import { type Range, RateLedger } from '../../support/top/rate-ledger.ts';

const { fauxqs } = await sqs();
const TOLERANCE = 0.1;
/** The view looks at the depth over so long. */
const TREND_MS = 15_000;
const TICK_MS = 200;

interface Depth {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly depth: number;
}

/** What top has recorded so far of its one queue. Every rate in it must be unknown. */
async function depthsIn(file: string): Promise<readonly Depth[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').slice(1, -1);
  return lines.flatMap((line) => {
    const { queues } = JSON.parse(line) as Snapshot;
    return (queues ?? []).map(({ sampledAt, depth, rates, notes }) => {
      expect(rates).toEqual({ inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null });
      expect(notes.rates).toMatch(/CloudWatch/);
      return { at: sampledAt, depth: depth ?? Number.NaN };
    });
  });
}

/** What came in less what went out, per second, over the trends that end with one of the readings from `first` on. */
function netTruths(
  depths: readonly Depth[],
  first: number,
  ledger: RateLedger,
): readonly (Range & { readonly depth: number })[] {
  return depths.slice(first).map(({ at, depth }) => {
    const from = depths.find((earlier) => at - earlier.at <= TREND_MS)?.at ?? at;
    const [sent, done] = [ledger.rate('inPerSec', from, at), ledger.rate('outPerSec', from, at)];
    return { least: sent.least - done.most, most: sent.most - done.least, depth };
  });
}

test('fauxqs: no rate is made up, the change of the depth and the time to drain are within 10 % of the truth', {
  timeout: 90_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mq-top-sqs-'));
  const file = join(folder, 'session');
  const broker = await openAt(fauxqs);
  const name = `busy-${Date.now()}`;
  const queue = await createQueue(broker, name);
  const ledger = new RateLedger();
  const stop = new AbortController();
  // 30 in and 10 out a second; later the other way round.
  const perTick = { sent: 6, taken: 2 };
  const working = (async () => {
    const started = performance.now();
    for (let tick = 1; !stop.signal.aborted; tick++) {
      const bodies = Array.from({ length: perTick.sent }, (_, index) => outgoing(String(index)));
      await ledger.during('inPerSec', perTick.sent, () => fill(queue, bodies));
      await ledger.during('outPerSec', null, async () => (await takeAll(queue, { limit: perTick.taken })).length);
      await sleep(Math.max(0, started + tick * TICK_MS - performance.now()));
    }
  })();
  working.catch(() => stop.abort());
  const args = [MQ, '--url', urlOf(fauxqs), 'top', name, '--interval', '1s', '--record', file];
  await using terminal = new PseudoTerminal(process.execPath, args, { columns: 150, rows: 40 });
  /** The figure on the screen once a whole trend lies behind `since`, and what was true then. */
  const shown = async (figure: RegExp, since: number) => {
    await expect
      .poll(async () => (await depthsIn(file)).some(({ at }) => at - TREND_MS > since), { timeout: 30_000 })
      .toBe(true);
    // What is on the screen is of one of the readings from here on; how many come while it is read, nobody knows.
    const first = (await depthsIn(file)).length - 3;
    const text = await terminal.until(figure);
    return { matched: figure.exec(text), truths: netTruths(await depthsIn(file), first, ledger) };
  };
  try {
    const list = await terminal.until(new RegExp(`^>.${name}`, 'm'));
    expect(list).toMatch(/in\/s \? {2}out\/s \? {2}err\/s \?/);
    expect(list).toMatch(new RegExp(`^>.${name} +standard +running +~\\d+ .* \\? +\\? +\\? +\\? `, 'm'));
    terminal.write('\r');
    const detail = await terminal.until(/in\/s +\?\n *out\/s +\?\n *err\/s +\?\n/);
    expect(detail).toMatch(/rates: SQS counts messages in and out only in CloudWatch/);

    const growing = await shown(/net ~\+([\d.]+)\/s +drain growing/, Date.now());
    const rise = Number(growing.matched?.[1]);
    expect(
      growing.truths.some(({ least, most }) => rise >= least * (1 - TOLERANCE) && rise <= most * (1 + TOLERANCE)),
      `${rise} shown, ${JSON.stringify(growing.truths)} true`,
    ).toBe(true);
    expect(growing.truths.at(-1)?.least).toBeGreaterThan(5);

    // Enough to take away for the rest of the test.
    await ledger.during('inPerSec', 900, () =>
      sendAll(
        queue,
        Array.from({ length: 900 }, () => outgoing('x')),
      ),
    );
    Object.assign(perTick, { sent: 2, taken: 6 });
    const draining = await shown(/net ~-([\d.]+)\/s +drain ~(\S+)/, Date.now());
    const [, netText, drainText = ''] = draining.matched ?? [];
    const [fall, drain] = [Number(netText), parseDurationMs(drainText) / 1_000];
    expect(
      draining.truths.some(({ least, most, depth }) => {
        const [slowest, fastest] = [-most * (1 - TOLERANCE), -least * (1 + TOLERANCE)];
        return fall >= slowest && fall <= fastest && drain >= depth / fastest - 1 && drain <= depth / slowest + 1;
      }),
      `-${fall}/s and ${drain} s shown, ${JSON.stringify(draining.truths)} true`,
    ).toBe(true);
    expect(draining.truths.at(-1)?.most).toBeLessThan(-5);
  } finally {
    stop.abort();
    await working;
    await broker.delete?.(name, new AbortController().signal);
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  }
});
