import { MqError } from '../../contract/errors.ts';
import { queuePattern } from '../../core/name-pattern.ts';
import { bodies } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

export const opening: Section = ({ members }) => [
  {
    title: 'a queue that is not there is not found, and asking does not make it',
    async run(bench) {
      const broker = await bench.broker();
      const name = bench.freshName();
      await expect(broker.queue(name, bench.signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
      await expect(broker.queue(name, bench.signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
      const listed = [];
      const pattern = { globs: [name], matches: (one: string) => one === name };
      for await (const stats of broker.queues(pattern, bench)) listed.push(stats.queue);
      expect(listed).toEqual([]);
    },
  },
  {
    title: 'closes twice',
    async run(bench) {
      const broker = await bench.connect();
      await broker.close();
      await broker.close();
    },
  },
  {
    title: 'refuses after closing, with an error of ours',
    async run(bench) {
      const made = await bench.queue();
      const broker = await bench.connect();
      const queue = await broker.queue(made.name, bench.signal);
      await broker.close();
      await expect(queue.stats(bench.signal)).rejects.toBeInstanceOf(MqError);
      await expect(broker.queue(made.name, bench.signal)).rejects.toBeInstanceOf(MqError);
    },
  },
  {
    title: 'an aborted signal ends calls with ABORTED',
    async run(bench) {
      const queue = await bench.queue();
      const broker = await bench.broker();
      const signal = AbortSignal.abort();
      await expect(queue.stats(signal)).rejects.toMatchObject({ code: 'ABORTED' });
      await expect(queue.describe(signal)).rejects.toMatchObject({ code: 'ABORTED' });
      await expect(broker.queue(queue.name, signal)).rejects.toMatchObject({ code: 'ABORTED' });
      const listing = async () => {
        for await (const _ of broker.queues(queuePattern([]), { notice: bench.notice, signal }));
      };
      await expect(listing()).rejects.toMatchObject({ code: 'ABORTED' });
      const { backend, url } = bench.harness;
      const options = { connectTimeoutMs: 10_000, notice: bench.notice, signal };
      await expect(backend.open(url, options)).rejects.toMatchObject({ code: 'ABORTED' });
    },
  },
  {
    title: 'says where it is without credentials',
    async run(bench) {
      const { address } = await bench.broker();
      expect(address).not.toBe('');
      const { password } = URL.canParse(bench.harness.url) ? new URL(bench.harness.url) : { password: '' };
      if (password !== '') expect(address).not.toContain(decodeURIComponent(password));
      expect(address).not.toMatch(/:\/\/[^/]*@/);
    },
  },
  {
    title: 'inspecting changes nothing',
    async run(bench) {
      const queue = await bench.queue();
      if (members.has('publisher')) await bench.fill(queue, bodies(3));
      await bench.expectCount(queue, 'ready', members.has('publisher') ? 3 : 0);
      const look = async () => {
        const description = await queue.describe(bench.signal);
        expect(() => JSON.stringify(description)).not.toThrow();
        await queue.deadLetters?.(bench.signal);
        await queue.get?.('no such id', bench.signal);
        return (await queue.stats(bench.signal)).ready;
      };
      const first = await look();
      expect(await look()).toBe(first);
      const again = await (await bench.connect()).queue(queue.name, bench.signal);
      expect((await again.stats(bench.signal)).ready).toBe(first);
    },
  },
];
