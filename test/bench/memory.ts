// Peak memory of moving and draining a million messages:
//   npm run bench -- memory [sqlite|rabbitmq] [COUNT]
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provision } from '../support/provision.ts';
import { startRabbitmq } from '../support/rabbitmq/server.ts';
import { mq, run } from './measure.ts';

const LIMIT_MIB = 200;
const only = process.argv[2];
const count = Number(process.argv[3] ?? 1_000_000);
const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));

async function measure(broker: string, url: string): Promise<void> {
  const lines = join(folder, 'lines');
  await writeFile(
    lines,
    Array.from({ length: count }, (_, i) => `{"order":${i},"customer":"c-${i % 977}"}\n`),
  );
  const target = ['--url', url];
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['create', ['create', 'a']],
    ['create', ['create', 'b']],
    ['enqueue --lines', ['enqueue', 'a', '--lines', '--file', lines, '-q']],
    ['move', ['move', 'a', 'b', '--yes', '-o', 'json']],
    ['drain --to', ['drain', 'b', '--to', join(folder, `${broker}.ndjson`), '--yes', '-o', 'json']],
  ];
  for (const [name, args] of steps) {
    const result = await run(mq(`mq ${name}`, [...target, ...args]), { watchMemory: true });
    if (name === 'create') continue;
    const rate = Math.round((count / result.wallMs) * 1000);
    const verdict = result.peakMiB < LIMIT_MIB ? 'under' : 'OVER';
    process.stdout.write(
      `${broker} ${name.padEnd(16)} peak ${result.peakMiB.toFixed(0)} MiB (${verdict} ${LIMIT_MIB}), ${rate} messages/s\n`,
    );
  }
  let drained = 0;
  for await (const chunk of createReadStream(join(folder, `${broker}.ndjson`)))
    for (const byte of chunk as Buffer) if (byte === 10) drained += 1;
  process.stdout.write(`${broker} drained lines: ${drained} of ${count}\n`);
}

try {
  if (only !== 'rabbitmq') await measure('sqlite', `sqlite:${join(folder, 'bench.db')}`);
  if (only !== 'sqlite') {
    const broker = await startRabbitmq(await provision('rabbitmq-server'));
    try {
      await measure('rabbitmq', `${broker.url}?management=${new URL(broker.managementUrl).origin}`);
    } finally {
      await broker.stop();
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
