import type { Message, OutgoingMessage } from '../contract/message.ts';

/** An ordinary message, with the properties that a test changes. */
export function message(special: Partial<Message> = {}): Message {
  return {
    queue: 'q',
    state: 'ready',
    id: null,
    body: Buffer.from('hello'),
    headers: {},
    contentType: null,
    priority: null,
    groupId: null,
    deduplicationId: null,
    ttlMs: null,
    name: null,
    native: {},
    enqueuedAt: null,
    deliverAt: null,
    receiveCount: null,
    dead: null,
    ...special,
  };
}

/** The same for a message to be sent. */
export function outgoing(special: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    id: null,
    body: Buffer.from('hello'),
    headers: {},
    contentType: null,
    priority: null,
    groupId: null,
    deduplicationId: null,
    ttlMs: null,
    name: null,
    native: {},
    delayMs: null,
    attempts: null,
    backoff: null,
    replays: null,
    ...special,
  };
}
