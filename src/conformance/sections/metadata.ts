import { randomUUID } from 'node:crypto';
import { METADATA_FIELDS, type MetadataField, type OutgoingMessage } from '../../contract/message.ts';
import type { Bench } from '../bench.ts';
import type { Case, Section } from '../case.ts';
import { expect } from '../expect.ts';

const EXAMPLES: { readonly [F in MetadataField]: () => Partial<OutgoingMessage> } = {
  id: () => ({ id: `id-${randomUUID()}` }),
  headers: () => ({ headers: { 'x-tenant': 'acme', 'x-region': 'eu' } }),
  contentType: () => ({ contentType: 'application/vnd.acme+json' }),
  priority: () => ({ priority: 3 }),
  groupId: () => ({ groupId: 'customer-7' }),
  deduplicationId: () => ({ deduplicationId: randomUUID() }),
  ttlMs: () => ({ ttlMs: 600_000 }),
  name: () => ({ name: 'resize-image' }),
  delayMs: () => ({ delayMs: 600_000 }),
  attempts: () => ({ attempts: 5 }),
  backoff: () => ({ backoff: { type: 'fixed', delayMs: 1000 } }),
};

export const metadata: Section = ({ capabilities, members }) =>
  members.has('publisher')
    ? METADATA_FIELDS.map((field) => (capabilities.holds.includes(field) ? carried(field) : refused(field)))
    : [];

function carried(field: MetadataField): Case {
  return {
    title: `${field}: carried`,
    async run(bench) {
      const queue = await bench.queue();
      const fields = EXAMPLES[field]();
      const publisher = await bench.publisher(queue);
      expect(publisher.misfits(bench.message('{}', fields))).toEqual([]);
      expect(await publisher.send(bench.message('{}', fields))).toMatchObject({ status: 'sent' });
      if (field === 'delayMs') {
        await bench.expectCount(queue, 'delayed', 1);
        return expect(await bench.contents(queue), 'it is not deliverable yet').toEqual([]);
      }
      const [message, ...others] = await bench.contents(queue);
      expect(others).toEqual([]);
      if (message === undefined) throw new Error('the message did not arrive');
      // The broker decides how often a message will be tried, and when: no message says it.
      if (field === 'attempts' || field === 'backoff') return;
      if (field === 'ttlMs') {
        expect(message.ttlMs).toBeGreaterThan(0);
        return expect(message.ttlMs).toBeLessThanOrEqual(600_000);
      }
      expect(message).toMatchObject(fields);
    },
  };
}

function refused(field: MetadataField): Case {
  return {
    title: `${field}: cannot be carried, so it is refused, and left out only with lossy`,
    async run(bench: Bench) {
      const queue = await bench.queue();
      const message = bench.message('{}', EXAMPLES[field]());
      const strict = await bench.publisher(queue);
      expect(strict.misfits(message)).not.toEqual([]);
      const outcome = await strict.send(message);
      expect(outcome.status).toBe('failed');
      expect(await bench.contents(queue)).toEqual([]);
      const lossy = await bench.publisher(queue, { lossy: true });
      expect(lossy.misfits(message), 'it still says what is lost').not.toEqual([]);
      expect(await lossy.send(message)).toMatchObject({ status: 'sent' });
      expect(await bench.contents(queue)).toHaveLength(1);
    },
  };
}
