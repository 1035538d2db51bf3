import type { Headers } from '../../../contract/message.ts';

/** What any broker can tell of a message, for the table to be asked. */
export interface Letter {
  /** The queue that it stands in. */
  readonly queue: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** An exchange and the key with which a message was published there: it leads to queues, but names none. */
export interface Route {
  readonly exchange: string;
  readonly routingKey: string;
}

/** What AMQP keeps beside the headers; absent: the message had none. */
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
  /**
   * Present where the framework sent an envelope: the properties of what is in it, which take the place of the
   * envelope's.
   */
  readonly properties?: OriginalProperties;
}

/** How a message died that an application or its framework has put away by itself. */
export interface FrameworkDeath {
  readonly framework: string;
  /** The queue that lost it; null when it names none. */
  readonly from: string | null;
  /** Where it names an exchange instead. */
  readonly route: Route | null;
  readonly reason: string;
  readonly error: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number | null;
  /** A text: why it cannot be sent back as it was. */
  restore(): Restored | string;
}
