import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BuiltProgram } from '../../support/built-program.ts';
import { MQ } from '../../support/mq.ts';
import { filled, folder, top, url } from '../../support/top/lab.ts';

const ESCAPE = '\u001b';

describe('without a terminal', () => {
  const mq = (...args: readonly string[]) =>
    new BuiltProgram(['top', '--interval', '200ms', ...args], { MQ_URL: url, TZ: 'UTC' }).finished;

  test('one frame, with or without --once', async () => {
    await using _load = await filled();
    for (const args of [[], ['--once'], ['orders'], ['ord*', '--once']]) {
      const { code, stdout, stderr } = await mq(...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^mq top .*\n.*\n.*QUEUE.*READY.*\n {2}orders/);
      expect(stdout).not.toContain(ESCAPE);
      expect(stdout.includes('idle')).toBe(args.every((arg) => !arg.startsWith('ord')));
    }
  });

  test('-o ndjson --once: the stats of each queue, with rates from two readings', async () => {
    await using _load = await filled();
    const { stdout } = await mq('-o', 'ndjson', '--once');
    const stats = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(stats.map(({ queue, ready, dead }) => [queue, ready, dead])).toEqual([
      ['idle', 0, 0],
      ['orders', 3, 5],
    ]);
    expect(stats[1].rates).toMatchObject({ inPerSec: 0, outPerSec: 0, errorPerSec: 0, windowMs: expect.any(Number) });
    expect(Math.abs(Date.now() - Date.parse(stats[1].sampledAt))).toBeLessThan(60_000);
    expect(stats[1].sampledAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('a name that no broker knows: exit 4 after the frame; a glob may match nothing', async () => {
    await using _load = await filled();
    const named = await mq('orders', 'nosuch', '--once');
    expect(named).toMatchObject({ code: 4, stderr: expect.stringContaining('no queue nosuch') });
    expect(named.stdout).toMatch(/^ {2}orders/m);
    const lines = await mq('nosuch', '--once', '-o', 'ndjson');
    expect(lines).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('"code":"QUEUE_NOT_FOUND"') });
    const glob = await mq('nosuch*', '--once');
    expect(glob).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ {2}no queue matches nosuch\*$/m) });
    await using terminal = top(['nosuch']);
    await terminal.until(/no queue matches nosuch/);
  });

  test('a recording for which there is no more room ends with 1, and is not called a bug', async () => {
    await using load = await filled();
    for (let n = 0; n < 60; n++) await load.create(`another-${n}`);
    const file = join(folder, 'session.ndjson');
    const view = `'${process.execPath}' '${MQ}' top --interval 50ms -o ndjson --record '${file}'`;
    const env = { MQ_URL: url, PATH: process.env.PATH };
    const ran = spawnSync('/bin/sh', ['-c', `ulimit -f 300; exec ${view} > /dev/null`], { env, encoding: 'utf8' });
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: { code: 'PRECONDITION_FAILED', message: `${file} cannot be written: the file would be too large` },
    });
    expect(ran.status).toBe(1);
  });

  test('-o ndjson goes on until it is stopped', async () => {
    await using _load = await filled();
    const program = new BuiltProgram(['top', 'orders', '--interval', '100ms', '-o', 'ndjson'], { MQ_URL: url });
    let lines = 0;
    // Once: a second signal could meet a program that has ended its work and listens no more.
    const fiveCame = new Promise<void>((resolve) => {
      program.child.stdout?.on('data', (chunk: Buffer) => {
        lines += chunk.toString().split('\n').length - 1;
        if (lines > 4) resolve();
      });
    });
    await Promise.race([fiveCame, program.finished]);
    program.kill('SIGTERM');
    expect((await program.finished).code).toBe(143);
  });

  test('a broker that is not there: a frame that says so, and exit 5', async () => {
    const { code, stdout } = await new BuiltProgram(['top', '--once'], { MQ_URL: 'amqp://guest:secret@127.0.0.1:1/' })
      .finished;
    expect(code).toBe(5);
    expect(stdout).toMatch(/STALE never answered: /);
    expect(stdout).not.toMatch(/secret/);
  });

  test('what is recorded is replayed, and a recording cannot be changed', async () => {
    const file = join(folder, 'session.ndjson');
    await using load = await filled();
    expect((await mq('--once', '--record', file)).code).toBe(0);
    expect((await mq('--once', '--record', file)).code).toBe(1);
    await load.create('later');
    const { code, stdout } = await new BuiltProgram(['top', '--replay', file], {
      MQ_URL: 'sqlite:/nowhere/at/all',
      TZ: 'UTC',
    }).finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/orders/);
    expect(stdout).not.toMatch(/later/);
    const { stdout: some } = await mq('ord*', '--replay', file);
    expect(some).toMatch(/orders/);
    expect(some).not.toMatch(/idle/);
    await using terminal = top(['--replay', file]);
    await terminal.until(/^>.orders/m);
    terminal.write('P');
    await terminal.until(/this is a recording/);
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, -40));
    expect((await mq('--replay', file)).code).toBe(0);
    await writeFile(file, 'nothing\n');
    expect((await mq('--replay', file)).code).toBe(2);
  });
});
