import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../support/built-program.ts';
import { jsonOf, runMq, startMq } from '../../support/mq.ts';

let folder: string;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-workers-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}` };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const TOTAL = 200;
const MAX_RECEIVES = 3;
const failing = (n: number): boolean => n % 20 === 13;

async function lines(name: string): Promise<readonly number[]> {
  const text = await readFile(join(folder, name), 'utf8').catch(() => '');
  return text.split('\n').slice(0, -1).map(Number);
}

interface Counts {
  readonly ready: number;
  readonly inFlight: number;
  readonly dead: number;
}
async function counts(): Promise<Counts> {
  const [stats] = await jsonOf<readonly [Counts]>(['ls', 'q', '-o', 'json'], { env });
  return stats;
}

it('drain --exec --follow -j 4 in three processes: each message once, failing ones die, SIGTERM settles', async () => {
  await runMq(['create', 'q', '--max-receives', String(MAX_RECEIVES)], { env });
  const input = Array.from({ length: TOTAL }, (_, at) => `${at}\n`).join('');
  expect((await runMq(['enqueue', 'q', '--lines'], { env, input })).code).toBe(0);
  // Appended in one short write each, which the kernel does not mix with others.
  const command = `read -r n; echo "$n" >> started; test $((n % 20)) = 13 && exit 1; echo "$n" >> done`;
  const workers = Array.from({ length: 3 }, () =>
    startMq(['drain', 'q', '--exec', command, '-j', '4', '--follow', '-q'], { env, cwd: folder }),
  );
  const dying = Array.from({ length: TOTAL }, (_, at) => at).filter(failing);
  await until('everything is done or dead', async () => {
    const { ready, inFlight, dead } = await counts();
    return ready === 0 && inFlight === 0 && dead === dying.length;
  });
  // They follow: what comes now is worked off too.
  await runMq(['enqueue', 'q', String(TOTAL)], { env });
  await until('the late one is done', async () => (await lines('done')).includes(TOTAL));
  for (const { process } of workers) process.kill('SIGTERM');
  for (const { finished } of workers) expect((await finished).code).toBe(143);

  const ascending = (a: number, b: number): number => a - b;
  const all = Array.from({ length: TOTAL + 1 }, (_, at) => at);
  expect([...(await lines('done'))].sort(ascending)).toEqual(all.filter((n) => !failing(n)));
  const attempts = all.flatMap((n) => Array.from({ length: failing(n) ? MAX_RECEIVES : 1 }, () => n));
  expect([...(await lines('started'))].sort(ascending)).toEqual(attempts);
  expect(await counts()).toMatchObject({ ready: 0, inFlight: 0, dead: dying.length });
}, 60_000);

it('drain --exec says how many messages are done and how many deliveries failed, which are more than messages', async () => {
  await runMq(['create', 'q', '--max-receives', String(MAX_RECEIVES)], { env });
  await runMq(['enqueue', 'q', '1', '2', '3'], { env });
  const { code, stderr } = await runMq(['drain', 'q', '--exec', 'read -r n; test $n -lt 2'], { env });
  expect(code).toBe(3);
  expect(stderr).toMatch(/^mq: drained 1 message from q with read .* \(6 failed deliveries, \S+\)$/m);
});
