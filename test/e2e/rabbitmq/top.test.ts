import { connect } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

let vhost: RabbitmqVhost;
let client: Awaited<ReturnType<typeof connect>>;
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  client = await connect(vhost.url);
  const channel = await client.createConfirmChannel();
  await channel.assertQueue('orders.dlq', { durable: true });
  await channel.assertQueue('orders', {
    durable: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: 'orders.dlq',
  });
  for (let n = 0; n < 30; n++) channel.sendToQueue('orders', Buffer.from(`order ${n}`), { persistent: true });
  await channel.waitForConfirms();
  for (let n = 0; n < 10; n++) {
    const message = await channel.get('orders');
    if (message !== false) channel.nack(message, false, false);
  }
  await channel.close();
});
afterAll(async () => {
  await client.close();
  await vhost.remove();
});

test('RabbitMQ: links, the price of looking and a redrive from the row', async () => {
  const url = vhost.mqUrl;
  const args = [MQ, '--url', url, 'top', '--interval', '500ms'];
  await using terminal = new PseudoTerminal(process.execPath, args, { columns: 120, rows: 30 });
  // The broker's own figures lag by some seconds.
  await terminal.until(
    (text) => /orders .* ~?20 /.test(text) && /orders\.dlq .* ~?10 /.test(text) && /no consumers/.test(text),
    20_000,
  );
  terminal.write('/dlq\r');
  await terminal.until(/1-1 of 1/);
  terminal.write('\r');
  await terminal.until(/come here from orders/);
  terminal.write('3');
  await terminal.until(/Looking is not free here: /);
  terminal.write('o');
  await terminal.until(/all 10 ready messages/);
  terminal.write('\r');
  await terminal.until((text) => /^order 0$/m.test(text) && /died of +rejected/.test(text));
  terminal.write('\u001b');
  await terminal.until(/all 10 ready messages/);
  terminal.write('R');
  await terminal.until(/At most/);
  terminal.write('4\r');
  const question = await terminal.until(/Go on\?/);
  expect(question).toMatch(/Redrive up to 4 of 10 messages/);
  terminal.write('y');
  await terminal.until(/redrove 4 messages from orders\.dlq to orders/, 20_000);
  const left = async (): Promise<number> => {
    const channel = await client.createChannel();
    const { messageCount } = await channel.checkQueue('orders.dlq');
    await channel.close();
    return messageCount;
  };
  await expect.poll(left).toBe(6);
  expect(terminal.output).not.toContain(new URL(vhost.url).password);
});
