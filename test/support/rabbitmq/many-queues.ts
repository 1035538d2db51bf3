import amqp from 'amqplib';
import { managementRequest } from './management.ts';

/** Each such queue sends its dead letters to the one after it. */
const LINKED_EVERY = 20;

export interface ManyOptions {
  /** Each queue has had a message, as in a vhost that is used. Absent: two of a hundred. */
  readonly busy?: boolean;
}

/**
 * Makes `svc-0`, `svc-1`, …, as far as they are not there. A few have dead-letter queues among the others, and a tenth
 * has a policy.
 */
export async function declareMany(
  { url, managementUrl }: { readonly url: string; readonly managementUrl: string },
  count: number,
  { busy = false }: ManyOptions = {},
): Promise<void> {
  const connection = await amqp.connect(url);
  const channels = await Promise.all(Array.from({ length: 8 }, () => connection.createConfirmChannel()));
  await managementRequest(managementUrl, 'PUT', '/api/policies/%2F/some', {
    pattern: '^svc-[0-9]*7[0-9]$',
    definition: { 'max-length': 1_000_000 },
    'apply-to': 'queues',
  });
  await Promise.all(
    channels.map(async (channel, at) => {
      for (let n = at; n < count; n += channels.length) {
        const isLinked = n % LINKED_EVERY === 0;
        await channel.assertQueue(`svc-${n}`, {
          durable: true,
          ...(isLinked && { deadLetterExchange: '', deadLetterRoutingKey: `svc-${n + 1}` }),
        });
        if (busy || n % 100 < 2) channel.sendToQueue(`svc-${n}`, Buffer.from('x'));
      }
      await channel.waitForConfirms();
    }),
  );
  await connection.close();
}
