import type { Headers } from '../../../contract/message.ts';

/** The facts about a message that any broker can give, to be checked against the table. */
export interface Letter {
  /** The queue that it is in. */
  readonly queue: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** An exchange and the key with which a message was published there. They lead to queues but name none. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/** The properties that AMQP keeps beside the headers; absent: the message had none. */
export interface OriginalProperties {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly deliveryMode?: number;
  readonly priority?: number;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly ttlMs?: number;
  readonly messageId?: string;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
  readonly type?: string;
  readonly userId?: string;
  readonly appId?: string;
  readonly clusterId?: string;
}

/** The message as it was before it died. */
export interface Restored {
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Present if the framework sent an envelope: the properties of the message in it, which replace the envelope's. */
  readonly properties?: OriginalProperties;
}

/** How a message died that an application or its framework has put away itself. */
export interface FrameworkDeath {
  readonly framework: string;
  /** The queue that lost it; null if the message names none. */
  readonly from: string | null;
  /** The exchange, if it names one instead. */
  readonly route: Route | null;
  readonly reason: string;
  readonly error: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number | null;
  /** A text: why it cannot be sent back as it was. */
  restore(): Restored | string;
}
