import { randomUUID } from 'node:crypto';
import { isMqError } from '../../contract/errors.ts';
import { bodies } from '../bench.ts';
import type { Section } from '../case.ts';
import { expect } from '../expect.ts';

/** Each is made unique by a suffix. */
const NAMES = [
  '$(touch /tmp/mq-was-here)',
  '`id`; rm -rf x',
  'two words',
  ' leading blank',
  '日本 ü 🙈',
  'glob*?[a-z]',
  '\u001b[31mred\u001b]0;title\u0007',
  `quotes ' " \\`,
  'slash/colon:hash#percent%2F',
  '-rf',
  '--help',
  '..',
  '{tag}',
  'line\nbreak',
  '__proto__',
  'x'.repeat(180),
];

export const names: Section = ({ members }) =>
  NAMES.map((hostile) => ({
    title: JSON.stringify(hostile.length > 40 ? `${hostile.slice(0, 3)}… (${hostile.length})` : hostile),
    async run(bench) {
      const base = `${hostile}-${randomUUID().slice(0, 8)}`;
      const name = bench.harness.queueName?.(base) ?? base;
      const queue = await bench.make(name);
      const broker = await bench.broker();
      if (queue === null) {
        // A name that no queue can have is simply not found, or called wrong.
        const error: unknown = await broker.queue(name, bench.signal).catch((reason: unknown) => reason);
        expect(isMqError(error)).toBe(true);
        if (isMqError(error)) expect(['QUEUE_NOT_FOUND', 'USAGE']).toContain(error.code);
        return;
      }
      expect(queue.name).toBe(name);
      if (members.has('publisher')) {
        await bench.fill(queue, bodies(2));
        await bench.expectCount(queue, 'ready', 2);
        bench.expectBodies(await bench.contents(queue), bodies(2));
      }
      const listed: string[] = [];
      const pattern = { globs: [name.replace(/[*?[\]\\]/g, '\\$&')], matches: (one: string) => one === name };
      for await (const stats of broker.queues(pattern, bench)) listed.push(stats.queue);
      expect(listed).toEqual([name]);
    },
  }));
