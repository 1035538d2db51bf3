import { type Case, type Look, lookAt, runCase, type Section } from './case.ts';
import type { Harness } from './harness.ts';
import { agreement } from './sections/agreement.ts';
import { capabilities } from './sections/capabilities.ts';
import { consume } from './sections/consume.ts';
import { copying } from './sections/copy.ts';
import { creation } from './sections/creation.ts';
import { deadLetters } from './sections/dead-letters.ts';
import { enqueue } from './sections/enqueue.ts';
import { get } from './sections/get.ts';
import { interruption } from './sections/interruption.ts';
import { metadata } from './sections/metadata.ts';
import { names } from './sections/names.ts';
import { nativeMove } from './sections/native-move.ts';
import { numbers } from './sections/numbers.ts';
import { opening } from './sections/opening.ts';
import { pause } from './sections/pause.ts';
import { peek } from './sections/peek.ts';
import { promises } from './sections/promises.ts';
import { purge } from './sections/purge.ts';
import { settling } from './sections/settling.ts';
import { stats } from './sections/stats.ts';
import { traits } from './sections/traits.ts';
import { transfer } from './sections/transfer.ts';

export type { Harness } from './harness.ts';

/** The questions for every kind of queue. */
const SECTIONS: Readonly<Record<string, Section>> = {
  'what it says of itself': capabilities,
  'what it has beside its abilities': traits,
  'what its traits promise': promises,
  'opening and closing': opening,
  'enqueue: bodies, headers, outcomes': enqueue,
  'metadata: carried or refused': metadata,
  'figures and listing': stats,
  'consume: order, limit, window, waiting': consume,
  'ack and release': settling,
  'abort and close at every step': interruption,
  peek,
  'get by id': get,
  purge,
  'pause and resume': pause,
  'dead letters and redrive': deadLetters,
  'native move': nativeMove,
  'one selection, one answer': agreement,
  'filters: numbers': numbers,
  'lossless transfer, with faults': transfer,
  copy: copying,
  'create and delete': creation,
  'hostile queue names': names,
};

const CASE_TIMEOUT_MS = 60_000;

/**
 * The runner of the cases. Vitest's own `describe` and `it` are one; under `node:test` it is `{ describe, it: (title,
 * run, timeout) => void it(title, { timeout }, run) }`.
 */
export interface Runner {
  /** `define` may be asynchronous: the runner waits for it before it runs the registered cases. */
  describe(title: string, define: () => void | Promise<void>): unknown;
  it(title: string, run: () => Promise<void>, timeoutMs: number): unknown;
}

/** Registers the whole suite for one kind of queue. */
export function conformance(harness: Harness, { describe, it }: Runner): void {
  describe(harness.name, async () => {
    const look = await lookAt(harness);
    const timeoutMs = harness.caseTimeoutMs ?? CASE_TIMEOUT_MS;
    for (const [title, section] of Object.entries(SECTIONS)) {
      const cases = section(look);
      if (cases.length === 0) continue;
      describe(title, () => {
        for (const one of cases) it(one.title, () => runCase(harness, look, one), timeoutMs);
      });
    }
  });
}

/** The named cases for a kind, for a caller that runs them itself. */
export function casesFor(look: Look): readonly Case[] {
  return Object.entries(SECTIONS).flatMap(([title, section]) =>
    section(look).map((one) => ({ title: `${title} › ${one.title}`, run: one.run })),
  );
}
