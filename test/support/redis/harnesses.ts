import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { backend } from '../../../src/backends/redis/index.ts';
import type { Harness } from '../../../src/conformance/harness.ts';

const GROUP = 'workers';

/** How many connections there are that the backend has opened to the database of `client`: it names them. */
async function connectionsOf(client: Redis): Promise<number> {
  return String(await client.call('CLIENT', 'LIST'))
    .split('\n')
    .filter((line) => line.includes(' name=mq ') && line.includes(` db=${client.options.db} `)).length;
}

/**
 * On a register of bindings, because only such a list exists while it is empty; of no framework, whose workers could
 * run only some bodies.
 */
export function listHarness(server: string, url: string, client: Redis): Harness {
  return {
    name: `list on ${server}`,
    kind: 'list',
    backend,
    url: `${url}?dlq=*:dead`,
    async makeQueue(name) {
      await client.sadd(`_kombu.binding.${name}`, name);
      return { remove: async () => void (await client.del(`_kombu.binding.${name}`, name, `${name}:dead`)) };
    },
    async deadLetter(queue, bodies) {
      for (const body of bodies) {
        await client.lpush(queue, body);
        await client.rpoplpush(queue, `${queue}:dead`);
      }
    },
    openConnections: () => connectionsOf(client),
  };
}

export function streamHarness(server: string, url: string, client: Redis): Harness {
  return {
    name: `stream on ${server}`,
    kind: 'stream',
    backend,
    url: `${url}?deadDeliveries=2&deadIdle=1ms`,
    async makeQueue(name) {
      await client.xgroup('CREATE', name, GROUP, '0', 'MKSTREAM');
      return { remove: async () => void (await client.del(name)) };
    },
    async deadLetter(queue, bodies) {
      for (const body of bodies) await client.xadd(queue, '*', 'body', body);
      await client.xreadgroup('GROUP', GROUP, 'failing', 'COUNT', bodies.length, 'STREAMS', queue, '>');
      // Reading one's own pending entries again is what a consumer does that failed.
      await client.xreadgroup('GROUP', GROUP, 'failing', 'COUNT', bodies.length, 'STREAMS', queue, '0');
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async applicationTakes(queue, limit) {
      const reply = (await client.xreadgroup('GROUP', GROUP, 'app', 'COUNT', limit, 'STREAMS', queue, '>')) as
        | [string, [string, string[]][]][]
        | null;
      const entries = reply?.[0]?.[1] ?? [];
      for (const [id] of entries) {
        await client.xack(queue, GROUP, id);
        await client.xdel(queue, id);
      }
      return entries.map(([, fields]) => fields[fields.indexOf('body') + 1] ?? '');
    },
    openConnections: () => connectionsOf(client),
  };
}

/** A stream whose application puts what it gives up on into a second stream. */
export function streamWithDlqHarness(server: string, url: string, client: Redis): Harness {
  const plain = streamHarness(server, url, client);
  return {
    ...plain,
    name: `stream with a dead-letter stream on ${server}`,
    url: `${url}?dlq=*:dlq`,
    async makeQueue(name) {
      const made = await plain.makeQueue(name, { deadLetters: false });
      return made === null
        ? null
        : {
            async remove() {
              await made.remove();
              await client.del(`${name}:dlq`);
            },
          };
    },
    async deadLetter(queue, bodies) {
      for (const body of bodies) await client.xadd(`${queue}:dlq`, '*', 'body', body);
    },
  };
}

export function bullmqHarness(server: string, url: string, client: Redis): Harness {
  const connection = { host: '127.0.0.1', port: Number(new URL(url).port), db: client.options.db ?? 0 };
  return {
    name: `bullmq on ${server}`,
    kind: 'bullmq',
    backend,
    url: `${url}?kind=bullmq`,
    async makeQueue(name) {
      if (name.includes(':') || name === '') return null;
      const queue = new Queue(name, { connection });
      await queue.waitUntilReady();
      await queue.getVersion();
      await queue.close();
      return {
        async remove() {
          const keys = (await client.keys('bull:*')).filter((key) => key.startsWith(`bull:${name}:`));
          if (keys.length > 0) await client.del(...keys);
        },
      };
    },
    async deadLetter(name, bodies) {
      const queue = new Queue(name, { connection });
      const worker = new Worker(name, null, { connection, autorun: false });
      for (const body of bodies) {
        await queue.add('failing', JSON.parse(body));
        const job = await worker.getNextJob('token');
        // As a producer in another language wrote it: JavaScript would round what has more digits.
        if (job !== undefined) await client.hset(`bull:${name}:${job.id}`, 'data', body);
        await job?.moveToFailed(new Error('ETIMEDOUT while sending'), 'token');
      }
      await worker.close();
      await queue.close();
    },
    async applicationTakes(name, limit) {
      const worker = new Worker(name, null, { connection, autorun: false });
      const taken: string[] = [];
      while (taken.length < limit) {
        const job = await worker.getNextJob('token', { block: false });
        if (job === undefined) break;
        taken.push(JSON.stringify(job.data));
        await job.moveToCompleted('done', 'token', false);
      }
      await worker.close();
      return taken;
    },
    openConnections: () => connectionsOf(client),
  };
}
