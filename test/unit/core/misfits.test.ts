import { describe, expect, it } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { OutgoingMessage } from '../../../src/contract/message.ts';
import type { Publisher } from '../../../src/contract/queue.ts';
import { lossySender, Misfits } from '../../../src/core/misfits.ts';

describe('what does not fit', () => {
  it('is counted by phrase, and only so much of it is named', () => {
    const found = new Misfits('orders');
    expect(found.add(['headers', 'a group'])).toEqual(['headers', 'a group']);
    expect(found.add(['headers'])).toEqual([]);
    expect(`${found}`).toBe('does not fit into orders: headers (2 messages); a group (1 message)');
    found.add(['c', 'd', 'e', 'f', 'g']);
    expect(`${found}`).toMatch(/e \(1 message\); and 2 more$/);
    expect(found.size).toBe(7);
  });

  it('is told once, before the first message that has it is sent, and at the end how many went without', async () => {
    const said: string[] = [];
    const publisher: Publisher = {
      misfits: (message: OutgoingMessage) => [
        ...(Object.keys(message.headers).length > 0 ? ['headers'] : []),
        ...(message.body.length === 0 ? ['an empty body'] : []),
      ],
      send: async (message) => {
        said.push(`send ${Buffer.from(message.body)}`);
        return message.body.length === 0 ? { status: 'failed', reason: 'empty' } : { status: 'sent', id: null };
      },
      close: async () => {},
    };
    const sender = lossySender(publisher, 'orders', (text) => said.push(text));
    await sender.send(outgoing({ body: Buffer.from('plain') }));
    await sender.send(outgoing({ body: Buffer.from('first'), headers: { a: 1 } }));
    await sender.send(outgoing({ body: Buffer.from('second'), headers: { b: 2 } }));
    await sender.send(outgoing({ body: Buffer.alloc(0) }));
    sender.tell();
    expect(said).toEqual([
      'send plain',
      'does not fit into orders: headers; it is changed or left out (--lossy)',
      'send first',
      'send second',
      'does not fit into orders: an empty body; it is changed or left out (--lossy)',
      'send ',
      'sent without what does not fit: 2 messages',
    ]);
  });
});
