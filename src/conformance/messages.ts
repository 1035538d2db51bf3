import type { Message, MessageContent, OutgoingMessage } from '../contract/message.ts';

/** An ordinary message, with the properties that a test changes. */
export function message(special: Partial<Message> = {}): Message {
  const place = {
    queue: 'q',
    state: 'ready',
    enqueuedAt: null,
    deliverAt: null,
    receiveCount: null,
    dead: null,
  } as const;
  return { ...place, ...content(), ...special };
}

/** The same for a message to be sent. */
export function outgoing(special: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { ...content(), delayMs: null, attempts: null, backoff: null, replays: null, ...special };
}

/** What both have. The body is new each time, so that a case may change its bytes. */
function content(): MessageContent {
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
  };
}
