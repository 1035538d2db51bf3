// drain --exec: how many commands a second, against xargs, which starts as many at once and hands them nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';
import { type Command, mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const MESSAGES = 2_000;
const ROUNDS = 5;

const XARGS: Command = {
  name: 'xargs',
  program: '/bin/sh',
  args: ['-c', `seq ${MESSAGES} | xargs -P8 -n1 sh -c true`],
};

export default async function* (): AsyncGenerator<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-exec-'));
  const url = `sqlite:${join(folder, 'queues.db')}`;
  const drain = mq('drain --exec', ['drain', 'q', '--exec', 'true', '-j', '8', '-q'], { MQ_URL: url });
  const bodies = Array.from({ length: MESSAGES }, (_, index) => `message ${index}`);
  const [ours, theirs]: [number[], number[]] = [[], []];
  try {
    await using load = await SqliteLoad.open(url);
    const queue = await load.create('q');
    for (let round = -1; round < ROUNDS; round++) {
      await load.send(queue, bodies);
      const mine = await run(drain);
      const peer = await run(XARGS);
      if (round < 0) continue;
      ours.push(MESSAGES / (mine.wallMs / 1_000));
      theirs.push(MESSAGES / (peer.wallMs / 1_000));
    }
    const against = 'xargs -P8 sh -c true';
    yield { work: 'drain --exec true -j 8', against, goal: { atLeast: 0.8 }, ours, theirs, unit: '/s' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
