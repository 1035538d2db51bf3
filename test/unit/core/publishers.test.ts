import { expect, test } from 'vitest';
import { RICH } from '../../../src/conformance/memory/capabilities.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { OutgoingMessage } from '../../../src/contract/message.ts';
import type { Publisher, Queue } from '../../../src/contract/queue.ts';
import { openPublisher, Publishers } from '../../../src/core/publishers.ts';

const typed = outgoing({ native: { sqs: { messageId: 'x', onlyHere: ['the type Number.price of the header "p"'] } } });
const plain = outgoing({ native: { sqs: { messageId: 'y' } } });
const own = outgoing({ native: { memory: { onlyHere: ['what is ours'] } } });

interface Seen {
  readonly publisher: Publisher;
  readonly sent: OutgoingMessage[];
}

async function open({ lossy = false, keepsNative = false } = {}): Promise<Seen> {
  const sent: OutgoingMessage[] = [];
  const take = (message: OutgoingMessage) => {
    sent.push(message);
    return { status: 'sent', id: String(sent.length) } as const;
  };
  const inner: Publisher = {
    misfits: () => ['a group'],
    send: async (message) => take(message),
    sendAll: async (messages) => messages.map(take),
    ...(keepsNative && { keepsNative }),
    close: async () => undefined,
  };
  const queue = { name: 'q', kind: 'memory', capabilities: RICH, publisher: async () => inner } as unknown as Queue;
  const options = { expected: null, lossy, notice: () => undefined, signal: new AbortController().signal };
  return { publisher: await openPublisher(queue, options), sent };
}

test('what only another broker can hold is a misfit, and not sent', async () => {
  const { publisher, sent } = await open();
  expect(publisher.misfits(typed)).toEqual(['a group', 'the type Number.price of the header "p"']);
  expect(publisher.misfits(plain)).toEqual(['a group']);
  expect(publisher.misfits(own)).toEqual(['a group']);
  const refused = { status: 'failed', reason: 'does not fit: a group; the type Number.price of the header "p"' };
  expect(await publisher.send(typed)).toEqual(refused);
  expect(sent).toEqual([]);
  // Each outcome stands at the place of its message.
  expect(await publisher.sendAll?.([plain, typed, own, typed])).toEqual([
    { status: 'sent', id: '1' },
    refused,
    { status: 'sent', id: '2' },
    refused,
  ]);
  expect(sent).toEqual([plain, own]);
});

test('with --lossy it is named, and sent without', async () => {
  const { publisher, sent } = await open({ lossy: true });
  expect(publisher.misfits(typed)).toContain('the type Number.price of the header "p"');
  expect(await publisher.send(typed)).toMatchObject({ status: 'sent' });
  expect(await publisher.sendAll?.([typed])).toMatchObject([{ status: 'sent' }]);
  expect(sent).toHaveLength(2);
});

test('a queue that keeps what other brokers left on a message loses nothing', async () => {
  const { publisher } = await open({ keepsNative: true });
  expect(publisher.misfits(typed)).toEqual(['a group']);
  expect(await publisher.send(typed)).toMatchObject({ status: 'sent' });
});

test('the names are those of the queues that could be opened', async () => {
  const publishers = new Publishers(async (name) => {
    if (name === 'gone') throw new Error('no such queue');
    return (await open()).publisher;
  });
  await expect(publishers.get('gone')).rejects.toThrow('no such queue');
  await publishers.get('there');
  expect(publishers.names).toEqual(['there']);
  await publishers.close();
});
