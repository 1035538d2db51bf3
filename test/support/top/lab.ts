import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { MQ } from '../mq.ts';
import { PseudoTerminal } from '../pseudo-terminal.ts';
import { SqliteLoad } from './sqlite-load.ts';

/** Of each test alone. */
export let folder: string;
/** Of an embedded queue in it, which `top` and `filled` use. */
export let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-'));
  url = `sqlite:${join(folder, 'queues.db')}`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

export const top = (
  args: readonly string[] = [],
  size = { columns: 110, rows: 16 },
  env: Readonly<Record<string, string>> = {},
) =>
  new PseudoTerminal(process.execPath, [MQ, 'top', '--interval', '200ms', ...args], {
    ...size,
    env: { MQ_URL: url, ...env },
  });

/** orders: 3 ready, 5 dead of two reasons; idle: empty. */
export async function filled(): Promise<SqliteLoad> {
  const load = await SqliteLoad.open(url);
  const orders = await load.create('orders');
  await load.create('idle');
  await load.send(orders, ['1', '2', '3', '4', 'bad'], 1);
  await load.work(orders, 5, (body) => (body === 'bad' ? 'card refused' : `timeout after ${body}000 ms`));
  await load.send(orders, ['a', 'b', 'c']);
  return load;
}
