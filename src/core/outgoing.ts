import type { JsonValue, Message, OutgoingMessage } from '../contract/message.ts';

export interface OutgoingOptions {
  readonly setHeaders: Readonly<Record<string, JsonValue>>;
  /** Mark the message as redriven once more. */
  readonly countReplay: boolean;
  /** The `Queue.place` that the message was read from; absent: it counts as new. */
  readonly from?: string;
}

/** Turns a message that was read into one to send: everything that travels, plus what the operator asked to set. */
export function toOutgoing(message: Message, options: OutgoingOptions): OutgoingMessage {
  const changed = Object.keys(options.setHeaders).length > 0;
  return {
    id: message.id,
    ...(message.idFrom === undefined ? {} : { idFrom: message.idFrom }),
    body: message.body,
    headers: changed ? { ...message.headers, ...options.setHeaders } : message.headers,
    contentType: message.contentType,
    priority: message.priority,
    groupId: message.groupId,
    deduplicationId: message.deduplicationId,
    ttlMs: message.ttlMs,
    name: message.name,
    native: message.native,
    delayMs: message.deliverAt === null ? null : Math.max(0, message.deliverAt - Date.now()) || null,
    attempts: null,
    backoff: null,
    ...(options.from === undefined ? {} : { from: options.from }),
    replays: options.countReplay ? (message.dead?.replays ?? 0) + 1 : null,
  };
}
