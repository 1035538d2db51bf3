import { afterAll } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { conformance } from '../../../src/conformance/index.ts';
import { countingRelay } from '../../support/counting-relay.ts';
import { onChannel } from '../../support/rabbitmq/channel.ts';
import { rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';
import { vitestBeside } from '../../support/vitest-runner.ts';

const TYPES = { classic: 'classic', quorum: 'quorum', 'rabbit-stream': 'stream' } as const;

// Each in a virtual host of its own, beside each other: most of the time they wait for a disk.
const runner = vitestBeside();
for (const kind of ['classic', 'quorum', 'rabbit-stream'] as const) {
  const vhost = await rabbitmqVhost();
  // The management API counts connections seconds late; a relay in front of the broker counts at once.
  const relay = await countingRelay(new URL(vhost.url));
  afterAll(async () => {
    await relay.close();
    await vhost.remove();
  });
  conformance(
    {
      name: `RabbitMQ ${vhost.version} ${kind}`,
      kind,
      backend,
      url: `${relay.url}?management=${encodeURIComponent(vhost.managementUrl)}`,
      async makeQueue(name, { deadLetters }) {
        // The broker takes line breaks out of names, so it has no such queues.
        if (/[\r\n]/.test(name) || Buffer.byteLength(name) > 255) return null;
        const dlq = `${name.slice(0, 60)} dead`;
        const links = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dlq };
        await onChannel(vhost.url, async (channel) => {
          const type = { 'x-queue-type': TYPES[kind] };
          if (deadLetters) await channel.assertQueue(dlq, { durable: true, arguments: type });
          await channel.assertQueue(name, { durable: true, arguments: { ...type, ...(deadLetters && links) } });
        });
        return {
          remove: () =>
            onChannel(vhost.url, async (channel) => {
              await channel.deleteQueue(name);
              if (deadLetters) await channel.deleteQueue(dlq);
            }),
        };
      },
      ...(kind !== 'rabbit-stream' && {
        deadLetter: (name: string, bodies: readonly string[]) =>
          onChannel(vhost.url, async (channel) => {
            for (const body of bodies) channel.sendToQueue(name, Buffer.from(body), { persistent: true });
            for (let rejected = 0; rejected < bodies.length; ) {
              const message = await channel.get(name, { noAck: false });
              if (message === false) continue;
              channel.nack(message, false, false);
              rejected++;
            }
          }),
      }),
      openConnections: async () => relay.open(),
      patienceMs: 15_000,
    },
    runner,
  );
}
