// What Tab costs with 5,000 queues, against `mq ls` and against an empty Node program in the same run:
//   npm run bench -- completion
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backend as sqlite } from '../../src/backends/sqlite/index.ts';
import { compare, EMPTY, mq, run } from './measure.ts';

const QUEUES = 5_000;
const ROUNDS = 21;

const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
try {
  const url = `sqlite:${join(folder, 'bench.db')}`;
  const signal = new AbortController().signal;
  const broker = await sqlite.open(url, { connectTimeoutMs: 5_000, notice: () => {}, signal });
  const options = { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, signal };
  const names = Array.from({ length: QUEUES }, (_, at) => `orders-${at}`);
  await Promise.all(names.map((name) => broker.create?.(name, options)));
  await broker.close();

  const env = { HOME: folder, MQ_URL: url, MQ_CONTEXT: '', MQ_COMPLETE_LINE: 'mq peek orders-4' };
  // A cache that cannot be written never answers.
  const first = mq('Tab, asking the broker', ['__complete', 'bash'], { ...env, XDG_CACHE_HOME: '/dev/null/none' });
  const again = mq('Tab, from the cache', ['__complete', 'bash'], env);
  for (const command of [first, again, again]) {
    const { stdout } = await run(command);
    const answers = stdout.trimEnd().split('\n').length;
    if (answers !== 1_111) throw new Error(`${command.name} answered ${answers} names instead of 1,111`);
  }
  const live = await compare([mq('mq ls', ['ls'], env), first], ROUNDS);
  const cached = await compare([EMPTY, again], ROUNDS);
  const measured = [
    { name: first.name, ratio: live.get(first.name) ?? Number.NaN, limit: 1.5, base: 'mq ls' },
    { name: again.name, ratio: cached.get(again.name) ?? Number.NaN, limit: 2, base: EMPTY.name },
  ];
  for (const { name, ratio, limit, base } of measured) {
    process.stdout.write(
      `${ratio <= limit ? 'within ' : 'OUTSIDE'} ${name}: ${ratio.toFixed(2)} of at most ${limit} × ${base}\n`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
