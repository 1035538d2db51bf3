import { execFile } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { startMq } from '../../support/mq.ts';
import { createQueue, newPath, openBroker, peek, send, signal } from '../../support/sqlite/lab.ts';

/** What another hand writes into the file, behind our back. */
function tamper(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

const FAR = '9000000000000000000';

/**
 * All queues are rows of one file, which is read in one go: no queue has a right, a type, a throttle or an answer of
 * its own. Of those only the whole file can be wrong, see below.
 */
describe('one bad queue among fifty costs its own row or field and a note', () => {
  test.each<readonly [string, string, object]>([
    [
      'a date beyond the calendar',
      `UPDATE message SET enqueued_at = ${FAR} WHERE queue = ID`,
      { ready: 1, oldestAgeMs: null },
    ],
    ['a number that is not exact', `UPDATE queue SET enqueued = 9223372036854775807 WHERE id = ID`, { ready: 1 }],
    ['a state that nobody knows', 'UPDATE message SET state = 99 WHERE queue = ID', { ready: 0 }],
    ['a limit beyond all numbers', 'UPDATE queue SET max_receives = 9223372036854775807 WHERE id = ID', { ready: 1 }],
    [
      'a name with what a terminal acts on',
      "UPDATE queue SET name = 'q25' || char(27) || '[2J' WHERE id = ID",
      { ready: 1 },
    ],
    ['a pause at no date', `UPDATE queue SET paused_at = ${FAR} WHERE id = ID`, { state: 'paused', ready: 1 }],
    ['no payload', 'DELETE FROM payload WHERE key IN (SELECT key FROM message WHERE queue = ID)', { ready: 1 }],
  ])('%s', async (_what, sql, expected) => {
    const path = newPath();
    const broker = await openBroker(path);
    for (let at = 0; at < 50; at++) await send(await createQueue(broker, `q${at}`), {});
    await broker.close();
    tamper(path, sql.replaceAll('ID', "(SELECT id FROM queue WHERE name = 'q25')"));
    const rows = [];
    const again = await openBroker(path);
    for await (const stats of again.queues(queuePattern([]), { notice: () => {}, signal })) rows.push(stats);
    expect(rows).toHaveLength(50);
    expect(rows.filter(({ queue }) => !queue.startsWith('q25')).every(({ ready }) => ready === 1)).toBe(true);
    expect(rows.find(({ queue }) => queue.startsWith('q25'))).toMatchObject(expected);
    for (const verb of [['ls'], ['stats', '*'], ['top', '--once'], ['ls', '-o', 'json']]) {
      const { code, stdout } = await startMq(['--url', `sqlite:${path}`, ...verb]).finished;
      expect([verb, code]).toEqual([verb, 0]);
      expect(stdout).not.toContain('\u001b[2J');
    }
  });

  test('a queue that vanishes while the list is read has no row', async () => {
    const path = newPath();
    const broker = await openBroker(path);
    for (let at = 0; at < 5; at++) await createQueue(broker, `q${at}`);
    const names = [];
    for await (const { queue } of broker.queues(queuePattern([]), { notice: () => {}, signal })) {
      names.push(queue);
      if (queue === 'q0') await (await openBroker(path)).delete?.('q3', signal);
    }
    expect(names).toEqual(['q0', 'q1', 'q2', 'q4']);
  });
});

describe('one bad message costs its own field', () => {
  test.each<readonly [string, string, object]>([
    [
      'headers that are no JSON',
      "UPDATE payload SET headers = '{oops' WHERE key = KEY",
      { headers: {}, unreadable: { headers: '{oops' } },
    ],
    [
      'headers that are a list',
      "UPDATE payload SET headers = '[1]' WHERE key = KEY",
      { headers: {}, unreadable: { headers: '[1]' } },
    ],
    ['no payload', 'DELETE FROM payload WHERE key = KEY', { headers: {}, unreadable: { body: null } }],
    ['a date beyond the calendar', `UPDATE message SET enqueued_at = ${FAR} WHERE key = KEY`, { headers: {} }],
    ['a priority beyond all numbers', `UPDATE payload SET priority = ${FAR} WHERE key = KEY`, { headers: {} }],
  ])('%s', async (_what, sql, { headers, unreadable }: { headers?: object; unreadable?: object }) => {
    const path = newPath();
    const broker = await openBroker(path);
    await send(await createQueue(broker, 'q'), { id: 'a' }, { id: 'bad' }, { id: 'c' });
    await broker.close();
    tamper(path, sql.replaceAll('KEY', "(SELECT key FROM message WHERE id = 'bad')"));
    const again = await openBroker(path);
    const found = await peek(await again.queue('q', signal));
    expect(found.map(({ id }) => id)).toEqual(['a', 'bad', 'c']);
    expect(found[1]).toMatchObject({ headers, native: { sqlite: unreadable === undefined ? {} : { unreadable } } });
    const { code, stdout } = await startMq(['--url', `sqlite:${path}`, 'drain', 'q']).finished;
    expect([code, stdout.trimEnd().split('\n')]).toMatchObject([0, { length: 3 }]);
  });
});

describe('a file that is none of ours is refused at once, and is left as it was', () => {
  test.each([
    [
      'an endless view',
      'DROP TABLE queue; CREATE VIEW queue AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, id AS name, id AS max_receives, id AS lease_ms FROM n',
    ],
    ['a trigger', 'CREATE TRIGGER t AFTER INSERT ON message BEGIN DELETE FROM message; END'],
    [
      'a table of the same name with other columns',
      'DROP TABLE payload; CREATE TABLE payload (key INTEGER PRIMARY KEY, body TEXT)',
    ],
  ])('%s in it', async (_what, sql) => {
    const path = newPath();
    const broker = await openBroker(path);
    await send(await createQueue(broker, 'q'), {});
    await broker.close();
    tamper(path, sql);
    const { code, stderr } = await startMq(['--url', `sqlite:${path}`, 'ls']).finished;
    expect(stderr).toContain('are not the ones that mq creates');
    expect(code).toBe(2);
  });

  test('a pipe', async () => {
    const path = newPath();
    await promisify(execFile)('mkfifo', [path]);
    const { code, stderr } = await startMq(['--url', `sqlite:${path}`, 'ls']).finished;
    expect(stderr).toMatch(/^mq: error: .*\n/);
    expect(code).not.toBe(70);
    expect(code).not.toBe(0);
  });

  test('a database of another program', async () => {
    const path = newPath();
    tamper(path, "CREATE TABLE message (a); INSERT INTO message VALUES ('theirs')");
    for (const args of [['ls'], ['enqueue', 'q', 'x'], ['delete', 'q', '--yes']]) {
      expect((await startMq(['--url', `sqlite:${path}`, ...args]).finished).code).toBe(2);
    }
    const database = new DatabaseSync(path);
    expect(database.prepare('SELECT a FROM message').all()).toEqual([{ a: 'theirs' }]);
    database.close();
  });
});

describe('a file that another program has locked', () => {
  /** Kept, while `work` runs, by somebody who does not give it back; and then nothing is lost. */
  async function whileLocked(work: (path: string) => Promise<void>): Promise<void> {
    const path = newPath();
    const broker = await openBroker(path);
    await send(await createQueue(broker, 'q'), {});
    await broker.close();
    const locking = new DatabaseSync(path);
    locking.exec('BEGIN IMMEDIATE');
    try {
      await work(path);
    } finally {
      locking.exec('ROLLBACK');
      locking.close();
    }
    const again = await openBroker(path);
    expect((await (await again.queue('q', signal)).stats(signal)).ready).toBe(1);
  }

  const VERBS = [
    ['enqueue', 'q', 'x'],
    ['drain', 'q'],
    ['purge', 'q', '--yes'],
  ];

  test.each(VERBS)('%s %s ends within --timeout, with 5', async (...args) => {
    await whileLocked(async (path) => {
      const started = performance.now();
      const { code, stderr } = await startMq(['--url', `sqlite:${path}`, '--timeout', '500ms', ...args]).finished;
      expect(stderr).toMatch(/locked|did not answer/);
      expect(code).toBe(5);
      // Without --timeout the file is waited for 5 s.
      expect(performance.now() - started).toBeLessThan(5_000);
    });
  });

  test.each(VERBS)('%s %s ends within 2 s of the first signal, with 130', async (...args) => {
    await whileLocked(async (path) => {
      const running = startMq(['--url', `sqlite:${path}`, ...args]);
      // It has the file open: from then on it waits for the lock.
      await expect.poll(() => isOpenIn(running.process.pid, path), { interval: 10 }).toBe(true);
      running.process.kill('SIGINT');
      const told = performance.now();
      expect((await running.finished).code).toBe(130);
      expect(performance.now() - told).toBeLessThan(2_000);
    });
  });
});

function isOpenIn(pid: number | undefined, path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).some((name) => {
    try {
      return readlinkSync(join(folder, name)) === path;
    } catch {
      return false; // Closed meanwhile.
    }
  });
}
