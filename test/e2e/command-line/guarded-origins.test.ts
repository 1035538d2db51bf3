import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BuiltProgram } from '../../support/built-program.ts';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';
import { sqs } from '../../support/servers.ts';
import { createQueue, openAt, uniqueName, urlOf } from '../../support/sqs/harness.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-origins-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The environment of a configuration whose context `prod` has this rule on the origin. */
async function ruled(url: string, origin: string, rule: string): Promise<Readonly<Record<string, string>>> {
  await mkdir(join(folder, 'mq'), { recursive: true });
  const settings = { contexts: { prod: { url, rules: { [origin]: { redrive: rule } } } } };
  await writeFile(join(folder, 'mq', 'config.yaml'), JSON.stringify(settings), { mode: 0o600 });
  return { XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder, MQ_URL: '', MQ_CONTEXT: 'prod' };
}

describe('a rule on the queue that dead letters go back to', () => {
  let vhost: RabbitmqVhost;
  let client: Awaited<ReturnType<typeof connect>>;
  let url: string;
  beforeAll(async () => {
    vhost = await rabbitmqVhost();
    url = `${vhost.url}?management=${encodeURIComponent(vhost.managementUrl)}`;
    client = await connect(vhost.url);
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('payments.dlq');
    await channel.assertQueue('payments', { deadLetterExchange: '', deadLetterRoutingKey: 'payments.dlq' });
    for (let n = 0; n < 5; n++) channel.sendToQueue('payments', Buffer.from(`${n}`));
    await channel.waitForConfirms();
    for (let n = 0; n < 5; n++) {
      const message = await channel.get('payments');
      if (message !== false) channel.nack(message, false, false);
    }
    await channel.close();
  });
  afterAll(async () => {
    await client.close();
    await vhost.remove();
  });

  async function dead(): Promise<number> {
    const channel = await client.createChannel();
    const { messageCount } = await channel.checkQueue('payments.dlq');
    await channel.close();
    return messageCount;
  }

  /** `R` on the row of the dead-letter queue. */
  async function asked(env: Readonly<Record<string, string>>): Promise<PseudoTerminal> {
    const terminal = new PseudoTerminal(process.execPath, [MQ, 'top', '--interval', '500ms'], {
      columns: 130,
      rows: 20,
      env,
    });
    await terminal.until(/payments\.dlq/, 20_000);
    terminal.write('/dlq\r');
    await terminal.until(/1-1 of 1/);
    terminal.write('R');
    await terminal.until(/At most/);
    terminal.write('\r');
    return terminal;
  }

  test('deny: neither the view nor the verb redrives from the dead-letter queue', async () => {
    const env = await ruled(url, 'pay*s', 'deny');
    await using terminal = await asked(env);
    await terminal.until(/a rule against this: pay\*s: \{redrive: deny\}/);
    const { code, stderr } = await new BuiltProgram(['redrive', 'payments.dlq', '--yes'], env).finished;
    expect(stderr).toContain('pay*s: {redrive: deny}');
    expect(code).toBe(2);
    expect(await dead()).toBe(5);
  });

  test('confirm: the view asks for the name of the origin, and does it then', async () => {
    const env = await ruled(url, 'payments', 'confirm');
    await using terminal = await asked(env);
    await terminal.until(
      (text) => /payments is protected: type its name/.test(text) && /Type the queue's name/.test(text),
    );
    terminal.write('payments.dlq\r');
    await terminal.until(/nothing was changed/);
    expect(await dead()).toBe(5);
    terminal.write('R');
    await terminal.until(/At most/);
    terminal.write('2\r');
    await terminal.until(/Type the queue's name/);
    terminal.write('payments\r');
    await terminal.until(/redrove 2 messages/, 20_000);
    await expect.poll(dead).toBe(3);
  });
});

test('a broker that moves dead letters by itself is not asked to when the origin is denied', async () => {
  const endpoint = (await sqs()).localSqs;
  const broker = await openAt(endpoint);
  const [origin, holder] = [uniqueName('invoices'), uniqueName('invoices-dead')];
  await createQueue(broker, origin, { deadLetterQueue: holder, maxReceives: 1 });
  await broker.close();
  const args = ['redrive', holder, '--yes', '-o', 'json'];
  const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  const denied = await new BuiltProgram(args, { ...keys, ...(await ruled(urlOf(endpoint), origin, 'deny')) }).finished;
  expect(denied.stderr).toContain(`${origin}: {redrive: deny}`);
  expect(denied.code).toBe(2);
  const other = await new BuiltProgram(args, { ...keys, ...(await ruled(urlOf(endpoint), 'another', 'deny')) })
    .finished;
  expect(JSON.parse(other.stdout)).toMatchObject({ operation: 'redrive', to: [origin] });
  expect(other.code).toBe(0);
});
