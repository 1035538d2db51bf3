import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';

const RECIPE = new URL('../../fixtures/ci-redrive.sh', import.meta.url).pathname;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-ci-'));
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/mq'), `#!/bin/sh\nexec '${process.execPath}' '${MQ}' "$@"\n`);
  await chmod(join(folder, 'bin/mq'), 0o755);
});
afterEach(() => rm(folder, { recursive: true }));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sh(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const path = `${join(folder, 'bin')}:/usr/bin:/bin`;
  const all = { PATH: path, HOME: folder, MQ_URL: `sqlite:${folder}/ci.db`, ...env };
  return new Promise((resolve) => {
    execFile('sh', [...args], { cwd: folder, env: all }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr }),
    );
  });
}

async function makeDead(count: number): Promise<void> {
  const made = await sh([
    '-c',
    `set -e; mq create orders --max-receives 1; seq 1 ${count} | mq enqueue orders --lines -q >ids
     mq drain orders --exec 'read -r n; [ $((n % 2)) = 1 ] && echo timeout >&2 || echo broken >&2; exit 1' -q || test $? = 3`,
  ]);
  expect(made).toMatchObject({ code: 0 });
}

test('the recipe reviews, redrives in bounds, and leaves a report and a summary', async () => {
  await makeDead(10);
  const env = {
    QUEUE: 'orders',
    FILTER: 'dead.error.contains("timeout")',
    MAX: '3',
    SUMMARY: 'summary.md',
    REPORT: 'report.json',
  };
  const ran = await sh([RECIPE], env);
  expect(ran).toMatchObject({ code: 0 });
  const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
  expect(report).toMatchObject({ operation: 'redrive', dryRun: false, matched: 3, moved: 3, failed: 0 });
  const summary = await readFile(join(folder, 'summary.md'), 'utf8');
  expect(summary).toContain('(dry run)');
  expect(summary).toMatch(/\| 3 \| 3 \| 0 \| 0 \| 0 \|/);
  expect(summary).toContain('redrove 3 messages');
  expect(summary).toContain('Exit code 0.');
  const { stdout } = await sh(['-c', 'mq ls -o json']);
  expect(JSON.parse(stdout)).toMatchObject([{ queue: 'orders', ready: 3, dead: 7 }]);
});

test('a mistake in the filter and a missing queue end the job before the work', async () => {
  await makeDead(2);
  expect(await sh([RECIPE], { QUEUE: 'orders', FILTER: 'dead.eror == "x"' })).toMatchObject({ code: 2 });
  expect(await sh([RECIPE], { QUEUE: 'ordres' })).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('did you mean orders?'),
  });
  const { stdout } = await sh(['-c', 'mq ls -o json']);
  expect(JSON.parse(stdout)).toMatchObject([{ ready: 0, dead: 2 }]);
});
