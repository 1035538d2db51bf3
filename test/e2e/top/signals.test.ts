import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { BuiltProgram } from '../../support/built-program.ts';
import { type CountingRelay, countingRelay } from '../../support/counting-relay.ts';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

const MESSAGES = 20_000;

let vhost: RabbitmqVhost;
let relay: CountingRelay;
let client: Awaited<ReturnType<typeof connect>>;
let folder: string;
let env: Readonly<Record<string, string>>;
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  // What the view hears of the broker comes through this process: when this one stands still, the redrive does not come
  // to its end before the signal.
  relay = await countingRelay(new URL(vhost.url));
  client = await connect(vhost.url);
});
afterAll(async () => {
  await relay.close();
  await client.close();
  await vhost.remove();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-signals-'));
  const url = `${relay.url}?management=${encodeURIComponent(vhost.managementUrl)}`;
  env = { MQ_URL: url, XDG_STATE_HOME: folder, XDG_CONFIG_HOME: folder };
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('orders.dlq');
  await channel.assertQueue('orders', { deadLetterExchange: '', deadLetterRoutingKey: 'orders.dlq' });
  await channel.purgeQueue('orders');
  await channel.purgeQueue('orders.dlq');
  for (let n = 0; n < MESSAGES; n++) channel.sendToQueue('orders.dlq', Buffer.from(`${n}`));
  await channel.waitForConfirms();
  await channel.close();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function readyIn(queue: string): Promise<number> {
  const channel = await client.createChannel();
  const { messageCount } = await channel.checkQueue(queue);
  await channel.close();
  return messageCount;
}

/** A view in which a redrive is under way: some messages are back, and far from all. */
async function redriving(): Promise<PseudoTerminal> {
  const args = [MQ, 'top', 'orders.dlq', '--interval', '500ms'];
  const terminal = new PseudoTerminal(process.execPath, args, { columns: 110, rows: 20, env });
  await terminal.until(/^>.orders\.dlq/m, 20_000);
  terminal.write('R');
  await terminal.until(/At most/);
  terminal.write('\r');
  await terminal.until(/Go on\?/);
  terminal.write('y');
  await terminal.until(/redrive orders\.dlq: [1-9]\d* of/, 20_000);
  return terminal;
}

interface Entry {
  readonly verb: string;
  readonly exitCode: number;
  readonly counts: { readonly moved: number; readonly failed: number; readonly unknown: number };
}

/** Everything is in one queue or the other, what was said to be moved is, and the history says the same. */
async function expectSettled(): Promise<number> {
  const { stdout } = await new BuiltProgram(['history', '-o', 'ndjson'], env).finished;
  const entry: Entry = JSON.parse(stdout);
  expect(entry).toMatchObject({ verb: 'redrive', exitCode: 3, counts: { failed: 0, unknown: 0 } });
  const { moved } = entry.counts;
  expect(moved).toBeGreaterThan(0);
  expect(moved).toBeLessThan(MESSAGES);
  await expect.poll(() => readyIn('orders.dlq')).toBe(MESSAGES - moved);
  expect(await readyIn('orders')).toBe(moved);
  return moved;
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
])(
  '%s in the middle of a redrive: it is settled, the terminal is given back, and then the report comes',
  async (signal, exitCode) => {
    await using terminal = await redriving();
    terminal.kill(signal);
    expect(await terminal.exited).toEqual({ exitCode, signal: 0 });
    expect(terminal.buffer).toBe('normal');
    const moved = await expectSettled();
    // On the screen that the operator sees from then on.
    await terminal.until(new RegExp(`redrove ${moved} messages from orders\\.dlq to orders`));
    const givenBack = terminal.output.lastIndexOf('\u001b[?1049l');
    expect(terminal.output.indexOf('redrove ', givenBack)).toBeGreaterThan(givenBack);
  },
);

test('a terminal that is closed in the middle of a redrive: it is settled all the same', async () => {
  await using terminal = await redriving();
  terminal.close();
  expect((await terminal.exited).exitCode).toBe(129);
  await expectSettled();
});
