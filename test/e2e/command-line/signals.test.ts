import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuiltProgram, type Finished, until } from '../../support/built-program.ts';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';

const execute = promisify(execFile);

let folder: string;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-e2e-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}`, XDG_STATE_HOME: folder };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function mq(args: readonly string[], stdin = ''): Promise<Finished> {
  return new BuiltProgram(args, env, stdin).finished;
}

async function lines(name: string): Promise<readonly string[]> {
  try {
    return (await readFile(join(folder, name), 'utf8')).split('\n').filter((line) => line !== '');
  } catch {
    return [];
  }
}

async function counts(queue: string): Promise<{ ready: number; inFlight: number; dead: number }> {
  const [stats] = JSON.parse((await mq(['ls', queue, '-o', 'json'])).stdout);
  return stats;
}

async function fill(count: number): Promise<void> {
  const stdin = Array.from({ length: count }, (_, at) => `${at}\n`).join('');
  expect((await mq(['enqueue', 'q', '--lines'], stdin)).code).toBe(0);
}

describe('a closed pipe', () => {
  it.each([
    ['drain q', 'drain'],
    ['peek q -n 0 -o ndjson', 'peek'],
    ['peek q -n 0', 'peek'],
  ])('mq %s | head -1 ends quietly with 0 and loses nothing', async (command) => {
    await fill(20_000);
    const script = `"$NODE" "$MQ" ${command} | head -1 | wc -l; echo "codes \${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await execute('bash', ['--norc', '-c', script], {
      env: { PATH: process.env.PATH, NODE: process.execPath, MQ, ...env },
    });
    expect(stderr).toBe('');
    expect(stdout).toBe('1\ncodes 0\n');
    const { ready, inFlight } = await counts('q');
    expect(inFlight).toBe(0);
    expect(ready).toBeGreaterThan(15_000);
  });

  it('a slow reader gets everything', async () => {
    await fill(20_000);
    const { stdout } = await execute(
      'bash',
      ['--norc', '-c', `"$NODE" "$MQ" drain q -o body -q | (sleep 0.3; cat) | wc -c`],
      {
        env: { PATH: process.env.PATH, NODE: process.execPath, MQ, ...env },
      },
    );
    expect(Number(stdout)).toBe(Array.from({ length: 20_000 }, (_, at) => `${at}`).join('\n').length);
  });
});

describe('an output that cannot be written', () => {
  it.each(['ls', 'peek q -n 0', 'drain q', 'drain q -o body'])(
    'mq %s > /dev/full says so, ends with 1 and loses nothing',
    async (command) => {
      await fill(2000);
      const script = `"$NODE" "$MQ" ${command} > /dev/full; echo "code $?"`;
      const { stdout, stderr } = await execute('bash', ['--norc', '-c', script], {
        env: { PATH: process.env.PATH, NODE: process.execPath, MQ, ...env },
      });
      expect(stdout).toBe('code 1\n');
      expect(stderr).toContain('mq: error: stdout cannot be written\n');
      expect(await counts('q')).toMatchObject({ ready: 2000, inFlight: 0 });
    },
  );
});

describe('a worker', () => {
  /** Waits for the file `go`, so that the test says when a run ends; then notes its message. */
  const COMMAND = 'body=$(cat); echo "$body" >> started; while [ ! -e go ]; do sleep 0.02; done; echo "$body" >> done';

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('on %s takes nothing new, lets what runs finish, and ends with %d', async (signal, code) => {
    await fill(10);
    const worker = new BuiltProgram(['drain', 'q', '--exec', `cd ${folder}; ${COMMAND}`, '-j', '3', '--follow'], env);
    await until('three run', async () => (await lines('started')).length === 3);
    worker.kill(signal);
    await writeFile(join(folder, 'go'), '');
    const { code: ended, stderr } = await worker.finished;
    expect(ended).toBe(code);
    expect(stderr).toContain('drained 3 messages');
    expect(await lines('done')).toHaveLength(3);
    expect(await counts('q')).toMatchObject({ ready: 7, inFlight: 0 });
    const history = JSON.parse((await mq(['history', '-o', 'json', '-n', '1'])).stdout);
    expect(history).toMatchObject([{ verb: 'drain', exitCode: code }]);
  });

  it('ends with its terminal as on SIGTERM, and without one goes on, as under nohup', async () => {
    await fill(10);
    const command = `cd ${folder}; ${COMMAND}`;
    const args = ['drain', 'q', '--exec', command, '-j', '3', '--follow', '--idle', '300ms'];
    await using terminal = new PseudoTerminal(process.execPath, [MQ, ...args], { columns: 80, rows: 24, env });
    await until('three run', async () => (await lines('started')).length === 3);
    terminal.close();
    await writeFile(join(folder, 'go'), '');
    expect((await terminal.exited).exitCode).toBe(129);
    expect(await lines('done')).toHaveLength(3);
    expect(await counts('q')).toMatchObject({ ready: 7, inFlight: 0 });

    await rm(join(folder, 'go'));
    const worker = new BuiltProgram(args, env);
    await until('three more run', async () => (await lines('started')).length === 6);
    worker.kill('SIGHUP');
    await writeFile(join(folder, 'go'), '');
    expect((await worker.finished).code).toBe(0);
    expect(await counts('q')).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('on a second signal ends at once and takes its commands with it', async () => {
    await fill(2);
    const command = `cd ${folder}; echo $$ >> pids; exec sleep 600`;
    const worker = new BuiltProgram(['drain', 'q', '--exec', command, '-j', '2', '--follow'], env);
    await until('two run', async () => (await lines('pids')).length === 2);
    worker.kill('SIGINT');
    worker.kill('SIGINT');
    // Two signals of one kind may arrive as one.
    const again = setInterval(() => worker.kill('SIGINT'), 50);
    const { code } = await worker.finished;
    clearInterval(again);
    expect(code).toBe(130);
    for (const pid of await lines('pids')) {
      await until(`${pid} has ended`, () => {
        try {
          process.kill(Number(pid), 0);
          return false;
        } catch {
          return true;
        }
      });
    }
  });

  it('several processes at once: no message twice, failing ones die', async () => {
    expect((await mq(['create', 'q', '--max-receives', '2'])).code).toBe(0);
    await fill(60);
    const command = `read -r n; case $n in *7) exit 1;; esac; echo "$n" >> ${folder}/done`;
    const workers = Array.from({ length: 3 }, () =>
      mq(['drain', 'q', '--exec', command, '-j', '2', '--idle', '500ms', '-q']),
    );
    await Promise.all(workers);
    const done = (await lines('done')).map(Number).sort((a, b) => a - b);
    expect(done).toEqual(Array.from({ length: 60 }, (_, at) => at).filter((at) => at % 10 !== 7));
    expect(await counts('q')).toMatchObject({ ready: 0, inFlight: 0, dead: 6 });
  }, 60_000);
});

describe('SIGKILL', () => {
  it('during a drain to a file leaves each message in the file, in the queue, or in both', async () => {
    const total = 20_000;
    // A message that is held by one after the other as they die must not die of that: on a busy machine, leases end
    // between the kills.
    expect((await mq(['create', 'q', '--set', 'leaseMs=1000', '--max-receives', '1000'])).code).toBe(0);
    await fill(total);
    const size = async (): Promise<number> => (await stat(join(folder, 'f')).catch(() => ({ size: 0 }))).size;
    for (let kill = 1; kill <= 20; kill++) {
      const before = await size();
      // Paced, so that twenty of them together cannot come to the end, however late each kill is.
      const drain = new BuiltProgram(['drain', 'q', '--to', join(folder, 'f'), '--rate', '2000/s'], env);
      await until('it has written more', async () => (await size()) > before);
      drain.kill('SIGKILL');
      expect((await drain.finished).signal).toBe('SIGKILL');
    }
    await until('the leases have ended', async () => (await counts('q')).inFlight === 0);
    const rest = await mq(['drain', 'q', '--to', join(folder, 'f'), '-o', 'json']);
    expect(rest.code).toBe(0);
    expect(await counts('q')).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
    const seen = (await lines('f')).map((line) => Number(JSON.parse(line).body));
    expect([...new Set(seen)].sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, at) => at));
  }, 120_000);
});

describe('the built program', () => {
  it('starts the same under a wrong Node version: one clear line', async () => {
    const script = await readFile(MQ, 'utf8');
    await writeFile(
      join(folder, 'old.cjs'),
      `Object.defineProperty(process.versions, 'node', { value: '20.11.1' });\n${script.replace(/^#!.*\n/, '')}`,
    );
    const old = await execute(process.execPath, [join(folder, 'old.cjs')]).catch(
      (error: Finished & { code: number }) => error,
    );
    expect(old).toMatchObject({ code: 2 });
    expect(old.stderr).toMatch(/^mq: needs Node\.js 22\.12 or newer; this is 20\.11\.1 \(.*\)\.\n$/);
  });

  it.each([[['ls']], [['enqueue', 'q', 'body']], [['drain', 'q']]])(
    'mq %j ends by itself although stdin stays open',
    async (args) => {
      await fill(1);
      const program = new BuiltProgram(args, env, null);
      expect((await program.finished).code).toBe(0);
      program.child.stdin?.end();
    },
  );
});
