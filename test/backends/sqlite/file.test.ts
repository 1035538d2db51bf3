import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { backendFor } from '../../../src/backends/registry.ts';
import { pathOf } from '../../../src/backends/sqlite/url.ts';
import { childSource } from '../../support/sqlite/child.ts';
import {
  bodies,
  collect,
  counts,
  createQueue,
  folder,
  newPath,
  newQueue,
  openBroker,
  required,
  send,
  signal,
} from '../../support/sqlite/lab.ts';

describe('the address', () => {
  test.each([
    ['sqlite:/a/b.db', '/a/b.db'],
    ['sqlite:///a/b.db', '/a/b.db'],
    ['SQLITE:/a/b%20c?d.db', '/a/b%20c?d.db'],
    ['sqlite:file:x', join(process.cwd(), 'file:x')],
    ['sqlite::memory:', ':memory:'],
  ])('%s is %s', (url, path) => {
    expect(pathOf(url)).toBe(path);
  });

  test.each([
    ...['sqlite:', 'sqlite://', 'sqlite:a\0b'],
    // A parameter would be part of the name of another file.
    ...[
      'sqlite:a.db?lease=5s',
      'sqlite:file:x?mode=memory',
      'sqlite:a.db?readonly',
      'sqlite:?lease=5s',
      'sqlite:a.db?',
    ],
  ])('%j is refused', (url) => {
    expect(() => pathOf(url)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  test('an unknown scheme is refused without repeating the address', async () => {
    const error = await backendFor('kafka://user:secret@host').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'USAGE', hint: expect.stringContaining('sqlite:') });
    expect(String(error)).not.toContain('secret');
  });
});

describe('a file that does not exist', () => {
  test('is a broker without queues, and stays absent while it is only looked at', async () => {
    const path = join(folder(), 'deep', 'er', 'queues.db');
    const broker = await openBroker(path);
    const all = { globs: ['*'], matches: () => true };
    expect(await collect(broker.queues(all, { notice: () => {}, signal }))).toEqual([]);
    await expect(broker.queue('q', signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    await expect(broker.delete?.('q', signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    expect(existsSync(join(path, '..', '..'))).toBe(false);
  });

  test('is created by the first write, for its owner alone', async () => {
    const path = join(folder(), 'deep', 'queues.db');
    await newQueue({}, path);
    for (const name of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(name).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700);
  });

  test('an empty file counts as absent, and becomes ours', async () => {
    const path = newPath();
    writeFileSync(path, '');
    await expect((await openBroker(path)).queue('q', signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    expect(statSync(path).size).toBe(0);
    expect(await counts(await newQueue({}, path))).toEqual([0, 0, 0, 0]);
  });

  test('a broker that was opened before sees the queue that another creates', async () => {
    const path = newPath();
    const early = await openBroker(path);
    await newQueue({}, path);
    expect((await early.queue('q', signal)).name).toBe('q');
  });
});

describe('a file that is none of ours is refused and left as it is', () => {
  test('text', async () => {
    const path = newPath();
    writeFileSync(path, 'this is no database, whatever its name says. '.repeat(100));
    const before = readFileSync(path);
    await expect(openBroker(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${path} is not an mq queue file`,
    });
    expect(readFileSync(path)).toEqual(before);
  });

  test('a database of another program', async () => {
    const path = newPath();
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE precious (a); INSERT INTO precious VALUES (1)');
    other.close();
    const before = readFileSync(path);
    await expect(openBroker(path)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('another program'),
    });
    expect(readFileSync(path)).toEqual(before);
  });

  test('a newer format of ours', async () => {
    const path = newPath();
    await (await openBrokerWithQueue(path)).close();
    const later = new DatabaseSync(path);
    later.exec('PRAGMA user_version = 99');
    later.close();
    await expect(openBroker(path)).rejects.toMatchObject({ code: 'CONFIG_INVALID', hint: 'update mq' });
  });

  test('a folder', async () => {
    await expect(openBroker(folder())).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('a path through a file', async () => {
    const path = newPath();
    writeFileSync(path, 'x');
    const broker = await openBroker(join(path, 'queues.db')).catch((error: unknown) => error);
    const error =
      broker instanceof Error ? broker : await createQueue(broker as never, 'q').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('a damaged file', async () => {
    const path = newPath();
    const broker = await openBrokerWithQueue(path);
    const queue = await broker.queue('q', signal);
    await send(queue, ...Array.from({ length: 500 }, () => ({ body: Buffer.alloc(500) })));
    await broker.close();
    const bytes = readFileSync(path);
    bytes.fill(0xff, 4096);
    writeFileSync(path, bytes);
    const damaged = await openBroker(path);
    await expect(damaged.queue('q', signal)).rejects.toMatchObject({
      code: 'UNEXPECTED_RESPONSE',
      message: `${path} is damaged`,
    });
  });
});

async function openBrokerWithQueue(path: string) {
  const broker = await openBroker(path);
  await createQueue(broker, 'q');
  return broker;
}

/** Runs a script in a process whose rights are those of an ordinary user, whoever runs the tests. */
function runAsOrdinaryUser(script: string, shellPrefix = ''): { readonly stdout: string; readonly stderr: string } {
  const root = process.getuid?.() === 0;
  const command = `${shellPrefix}exec "$0" --input-type=module -e "$1"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', command, process.execPath, childSource(script)], {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    ...(root ? { uid: 65534, gid: 65534 } : {}),
  });
  return { stdout, stderr };
}

describe('what the system refuses', () => {
  test('a file that may be read but not written can be looked at, and says so when it is written to', async () => {
    const path = newPath();
    const broker = await openBrokerWithQueue(path);
    await send(await broker.queue('q', signal), { body: Buffer.from('here') });
    chmodSync(join(path, '..'), 0o755);
    // Kept open: a reader without rights depends on the side files that the writer keeps.
    for (const name of [path, `${path}-wal`, `${path}-shm`]) chmodSync(name, 0o644);
    const { stdout, stderr } = runAsOrdinaryUser(`
      const broker = await open(${JSON.stringify(path)});
      const queue = await broker.queue('q', signal);
      const { ready } = await queue.stats(signal);
      const publisher = await queue.publisher({ expected: null, lossy: false, notice, signal });
      const outcome = await publisher.send(outgoing({}));
      const pause = await queue.pause({ reason: null, signal }).catch((error) => error.code);
      console.log(JSON.stringify({ ready, outcome, pause }));
      await broker.close();
    `);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      ready: 1,
      outcome: { status: 'failed', reason: `${path} is read-only`, code: 'PERMISSION_DENIED' },
      pause: 'PERMISSION_DENIED',
    });
  });

  test('nor need anybody keep it open, where its folder may not be written', async () => {
    const path = newPath();
    const broker = await openBrokerWithQueue(path);
    await send(await broker.queue('q', signal), { body: Buffer.from('here') });
    await broker.close();
    const look = (): { readonly stdout: string; readonly stderr: string } =>
      runAsOrdinaryUser(`
        const outcome = async () => {
          const broker = await open(${JSON.stringify(path)});
          const queue = await broker.queue('q', signal);
          const { ready } = await queue.stats(signal);
          const bodies = [];
          for await (const { body } of await queue.peek({ state: 'ready', limit: null, force: false, notice, signal }))
            bodies.push(Buffer.from(body).toString());
          const publisher = await queue.publisher({ expected: null, lossy: false, notice, signal });
          const { status, code } = await publisher.send(outgoing({}));
          await broker.close();
          return { ready, bodies, status, code };
        };
        console.log(JSON.stringify(await outcome().catch(({ code }) => ({ code }))));
      `);
    chmodSync(path, 0o444);
    chmodSync(join(path, '..'), 0o555);
    try {
      const { stdout, stderr } = look();
      expect(stderr).toBe('');
      const refused = { status: 'failed', code: 'PERMISSION_DENIED' };
      expect(JSON.parse(stdout)).toEqual({ ready: 1, bodies: ['here'], ...refused });
      chmodSync(join(path, '..'), 0o755);
      // What a process that was killed has left is not in the file yet.
      writeFileSync(`${path}-wal`, 'not yet');
      chmodSync(join(path, '..'), 0o555);
      expect(JSON.parse(look().stdout)).toEqual({ code: 'PERMISSION_DENIED' });
    } finally {
      chmodSync(join(path, '..'), 0o755);
    }
  });

  test('a folder without rights', () => {
    const locked = join(folder(), 'locked');
    mkdirSync(locked);
    chmodSync(join(locked, '..'), 0o755);
    const { stdout } = runAsOrdinaryUser(`
      const broker = await open(${JSON.stringify(join(locked, 'queues.db'))});
      console.log(await create(broker, 'q').catch((error) => error.code));
    `);
    // Whoever owns the folder may write to it; then its rights must be taken away first.
    if (process.getuid?.() === 0) expect(stdout.trim()).toBe('PERMISSION_DENIED');
    else {
      chmodSync(locked, 0o500);
      const again = runAsOrdinaryUser(`
        const broker = await open(${JSON.stringify(join(locked, 'queues.db'))});
        console.log(await create(broker, 'q').catch((error) => error.code));
      `);
      expect(again.stdout.trim()).toBe('PERMISSION_DENIED');
    }
  });

  test('a file that cannot grow: nothing is called sent that is not there afterwards', async () => {
    const path = newPath();
    chmodSync(join(path, '..'), 0o777);
    // The limit is in KiB; a process that ignores the signal gets an error from the write instead.
    const { stdout, stderr } = runAsOrdinaryUser(
      `
      const broker = await open(${JSON.stringify(path)});
      await create(broker, 'q');
      const queue = await broker.queue('q', signal);
      const publisher = await queue.publisher({ expected: null, lossy: false, notice, signal });
      const outcomes = {};
      for (let i = 0; i < 200; i++) {
        const { status } = await publisher.send(outgoing({ body: Buffer.alloc(10_000), id: 'm' + i }));
        (outcomes[status] ??= []).push('m' + i);
      }
      console.log(JSON.stringify(outcomes));
      await broker.close();
    `,
      "trap '' XFSZ; ulimit -f 500; ",
    );
    expect(stderr).toBe('');
    const outcomes: { sent: string[]; failed?: string[]; unknown?: string[] } = JSON.parse(stdout);
    expect(outcomes.sent.length).toBeGreaterThan(0);
    expect((outcomes.failed ?? []).length + (outcomes.unknown ?? []).length).toBeGreaterThan(0);
    const queue = await (await openBroker(path)).queue('q', signal);
    const there: string[] = [];
    const look = await required(queue.peek?.bind(queue))({
      state: 'ready',
      limit: null,
      force: false,
      notice: () => {},
      signal,
    });
    for await (const message of look) there.push(message.id ?? '');
    const doubtful = new Set(outcomes.unknown);
    expect(there.filter((id) => !doubtful.has(id))).toEqual(outcomes.sent);
  });

  test('a lock that another program does not give back ends in one clear error', async () => {
    const path = newPath();
    const queue = await newQueue({}, path);
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    try {
      const [outcome] = await send(queue, {});
      expect(outcome).toEqual({ status: 'failed', reason: `${path} is locked by another process`, code: 'TIMEOUT' });
      expect(await bodies(queue)).toEqual([]);
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }
    expect(await send(queue, {})).toMatchObject([{ status: 'sent' }]);
  });
});

test('a queue in memory is gone with its broker', async () => {
  const first = await openBroker(':memory:');
  await send(await createQueue(first, 'q'), {});
  expect(await counts(await first.queue('q', signal))).toEqual([1, 0, 0, 0]);
  await expect((await openBroker(':memory:')).queue('q', signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
});

test('closing twice is no error', async () => {
  const broker = await openBroker(newPath());
  await createQueue(broker, 'q');
  await broker.close();
  await broker.close();
});
