import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { headingLine, snapshotLine } from '../../../src/feed/recording.ts';
import { BuiltProgram } from '../../support/built-program.ts';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { NOON, reading, snapshot } from '../../support/top/readings.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-'));
  file = join(folder, 'incident.ndjson');
  // An outage of years ago, that had gone on for four seconds when the recording ended: so long a busy machine has to
  // see the view before that.
  const stale = (seconds: number) =>
    snapshot(null, {
      at: NOON + seconds * 1_000,
      condition: { state: 'stale', reason: 'it is down', since: NOON, retryAt: NOON + (seconds + 8) * 1_000 },
    });
  await writeFile(
    file,
    [
      headingLine(['prod']),
      ...[snapshot([reading('orders', { ready: 7 })]), stale(0.5), stale(4)].map(snapshotLine),
    ].join(''),
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a still of a recording says how old things were at its end, and that it is one', async () => {
  const { code, stdout } = await new BuiltProgram(['top', '--replay', file, '--once'], {}).finished;
  expect(code).toBe(0);
  expect(stdout).toMatch(/^mq top REPLAY {2}1 queue/);
  expect(stdout).toMatch(/STALE 4s: it is down$/m);
  expect(stdout).not.toMatch(/every/);
});

test('the view says that it is a replay, and when it has ended', async () => {
  await using terminal = new PseudoTerminal(process.execPath, [MQ, 'top', '--replay', file], {
    columns: 110,
    rows: 10,
  });
  await terminal.until(/^mq top REPLAY {2}1 queue/);
  await terminal.until((text) => /^mq top REPLAY ENDED {2}1 queue/.test(text) && /STALE 4s: it is down/.test(text));
  expect(terminal.text()).not.toMatch(/every 2s/);
});
