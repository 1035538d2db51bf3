import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BuiltProgram } from '../../support/built-program.ts';
import { filled, folder, top, url } from '../../support/top/lab.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

describe('several brokers', () => {
  /** Two contexts of one configuration; `rules` are further settings of the second. */
  async function contexts(rules = ''): Promise<Readonly<Record<string, string>>> {
    const config = join(folder, 'config', 'mq');
    await mkdir(config, { recursive: true });
    const other = `sqlite:${join(folder, 'other.db')}`;
    await writeFile(
      join(config, 'config.yaml'),
      `contexts:\n  prod:\n    url: '${url}'\n  dev:\n    url: '${other}'\n${rules}`,
      { mode: 0o600 },
    );
    return { XDG_CONFIG_HOME: join(folder, 'config'), XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder, MQ_URL: '' };
  }

  async function fillOther(): Promise<void> {
    await using load = await SqliteLoad.open(`sqlite:${join(folder, 'other.db')}`);
    await load.send(await load.create('remote'), ['x', 'y']);
  }

  test('are one list with totals, and messages move between them', async () => {
    await using load = await filled();
    const env = await contexts();
    await fillOther();
    await using terminal = top(['-c', 'prod', '-c', 'dev'], { columns: 130, rows: 16 }, env);
    const text = await terminal.until(/3 queues {2}ready 5/);
    expect(text).toMatch(/prod \(sqlite\) ok .* dev \(sqlite\) ok/);
    expect(text).toMatch(/remote +dev /);
    await terminal.until(/^>.orders/m);
    terminal.write('m');
    await terminal.until(/To: _/);
    terminal.write('remote@dev\r');
    await terminal.until(/Move 3 messages from orders to remote/);
    terminal.write('y');
    await terminal.until(/moved 3 messages/);
    expect(await load.figures('orders')).toMatchObject({ ready: 0 });
    terminal.write('x');
    await terminal.until(/remote +dev +running +5 /);
    const history = await new BuiltProgram(['history', '-o', 'ndjson'], env).finished;
    expect(JSON.parse(history.stdout)).toMatchObject({
      ...{ verb: 'move', context: 'prod', queues: ['orders'], to: ['remote@dev'], exitCode: 0 },
      counts: { matched: 3, moved: 3, failed: 0 },
    });
  });

  test('a readonly context refuses, a protected one asks for the name', async () => {
    await fillOther();
    for (const [rule, expected] of [
      ['readonly: true', /dev is readonly/],
      ['protected: true', /Type the queue's name/],
    ] as const) {
      const env = await contexts(`    ${rule}\n`);
      await using terminal = top(['-c', 'dev'], { columns: 110, rows: 16 }, env);
      await terminal.until(/^>.remote/m);
      terminal.write('p');
      await terminal.until(expected);
    }
  });

  test('what a context hides of bodies is not shown, in a line nor whole', async () => {
    {
      await using load = await SqliteLoad.open(`sqlite:${join(folder, 'other.db')}`);
      const cards = await load.create('cards');
      await load.send(cards, ['{"card":{"number":"4111-dead"},"order":7}'], 1);
      await load.work(cards, 1, () => 'refused');
      await load.send(cards, ['{"card":{"number":"4111-ready"},"order":8}']);
    }
    const env = await contexts('    redact: [card.number]\n');
    await using terminal = top(['-c', 'dev'], { columns: 110, rows: 20 }, env);
    await terminal.until(/^>.cards/m);
    terminal.write('\r');
    await terminal.until(/\[1 overview\]/);
    terminal.write('3');
    await terminal.until(/\{"card":\{"number":"\*\*\*"\},"order":8\}/);
    terminal.write('\r');
    await terminal.until(/^\{"card":\{"number":"\*\*\*"\},"order":8\}$/m);
    terminal.write('\u001b2');
    await terminal.until(/all 1 dead letters/);
    terminal.write('\r');
    await terminal.until(/^\{"card":\{"number":"\*\*\*"\},"order":7\}$/m);
    expect(terminal.output).not.toContain('4111');
  });

  test('one that is gone is marked with age and reason, the other goes on, and it comes back', async () => {
    await using load = await filled();
    const env = await contexts();
    await fillOther();
    await using terminal = top(['-c', 'prod', '-c', 'dev'], { columns: 130, rows: 16 }, env);
    await terminal.until(/remote +dev /);
    const other = join(folder, 'other.db');
    const kept = await readFile(other);
    await truncate(other, 0);
    await writeFile(other, 'this is no database, and long enough to be read as one'.repeat(200));
    await terminal.until(/dev \(sqlite\) STALE .*; next try in/);
    const orders = await load.broker.queue('orders', new AbortController().signal);
    await load.send(orders, ['d']);
    const stale = await terminal.until(/orders +prod +running +4 /);
    expect(stale).toMatch(/^.\?remote +dev/m);
    await rm(`${other}-wal`, { force: true });
    await rm(`${other}-shm`, { force: true });
    await writeFile(other, kept);
    await terminal.until((text) => /dev \(sqlite\) ok/.test(text), 20_000);
  });
});
