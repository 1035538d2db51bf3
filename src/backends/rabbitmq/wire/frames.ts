import { shortText } from './short-text.ts';

/**
 * The few AMQP 0-9-1 frames that carry messages, written and read as bytes. amqplib does everything else (opening,
 * channels, declarations, heartbeats).
 */
export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;
const FRAME_END = 0xce;
/** Type, channel and size before the payload, and the end mark after it. */
export const FRAME_OVERHEAD = 8;
export const PAYLOAD_OFFSET = 7;

/** Class and method ids as one number. */
export const METHOD = {
  cancel: 0x003c_001e,
  publish: 0x003c_0028,
  returned: 0x003c_0032,
  deliver: 0x003c_003c,
  get: 0x003c_0046,
  getOk: 0x003c_0047,
  getEmpty: 0x003c_0048,
  ack: 0x003c_0050,
  reject: 0x003c_005a,
  nack: 0x003c_0078,
} as const;

/** A message to be published, with the texts of the protocol as bytes. */
export interface Publication {
  readonly exchange: Buffer;
  readonly routingKey: Buffer;
  /** Flags and list. The caller has checked that the header fits into one frame. */
  readonly properties: Buffer;
  readonly body: Uint8Array;
}

/** How many bytes `writePublication` writes. */
export function publicationSize({ exchange, routingKey, properties, body }: Publication, frameMax: number): number {
  const bodyFrames = Math.ceil(body.length / (frameMax - FRAME_OVERHEAD));
  const payloads = 4 + 2 + exchange.length + routingKey.length + 1 + 12 + properties.length + body.length;
  return payloads + FRAME_OVERHEAD * (2 + bodyFrames);
}

/** `basic.publish` with `mandatory`, header and body, from `at` on. */
export function writePublication(
  into: Buffer,
  at: number,
  channel: number,
  publication: Publication,
  frameMax: number,
): void {
  const { exchange, routingKey, properties, body } = publication;
  const room = frameMax - FRAME_OVERHEAD;
  at = frameStart(into, at, FRAME.method, channel, 4 + 2 + exchange.length + routingKey.length + 1);
  at = into.writeUInt32BE(METHOD.publish, at);
  at = into.writeUInt16BE(0, at);
  at += exchange.copy(into, at);
  at += routingKey.copy(into, at);
  into[at++] = 1; // mandatory
  into[at++] = FRAME_END;
  at = frameStart(into, at, FRAME.header, channel, 12 + properties.length);
  at = into.writeUInt32BE(0x003c_0000, at);
  at = into.writeUInt32BE(Math.floor(body.length / 0x1_0000_0000), at);
  at = into.writeUInt32BE(body.length % 0x1_0000_0000, at);
  at += properties.copy(into, at);
  into[at++] = FRAME_END;
  for (let start = 0; start < body.length; start += room) {
    const piece = start === 0 && body.length <= room ? body : body.subarray(start, start + room);
    at = frameStart(into, at, FRAME.body, channel, piece.length);
    into.set(piece, at);
    at += piece.length;
    into[at++] = FRAME_END;
  }
}

/** Where the body begins in what `writePublication` wrote at the start of `frames`. */
export function bodyOffset(frames: Buffer): number {
  const header = frames.readUInt32BE(3) + FRAME_OVERHEAD;
  return header + frames.readUInt32BE(header + 3) + FRAME_OVERHEAD;
}

/** `basic.ack`. */
export function ackFrame(channel: number, tag: number, multiple: boolean): Buffer {
  return settleFrame(channel, METHOD.ack, tag, multiple ? 1 : 0);
}

/** `basic.nack` with requeue. Tag 0 with `multiple` means everything that is unsettled on the channel. */
export function requeueFrame(channel: number, tag: number, multiple: boolean): Buffer {
  return settleFrame(channel, METHOD.nack, tag, multiple ? 3 : 2);
}

/** `basic.reject` with requeue: a failed delivery, which counts on every version. */
export function rejectFrame(channel: number, tag: number): Buffer {
  return settleFrame(channel, METHOD.reject, tag, 1);
}

function settleFrame(channel: number, method: number, tag: number, bits: number): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_OVERHEAD + 13);
  let at = frameStart(bytes, 0, FRAME.method, channel, 13);
  at = bytes.writeUInt32BE(method, at);
  at = writeTag(bytes, at, tag);
  bytes[at++] = bits;
  bytes[at] = FRAME_END;
  return bytes;
}

/** `basic.get` with manual acknowledgement. */
export function getFrame(channel: number, queue: Buffer): Buffer {
  const size = 4 + 2 + queue.length + 1;
  const bytes = Buffer.allocUnsafe(FRAME_OVERHEAD + size);
  let at = frameStart(bytes, 0, FRAME.method, channel, size);
  at = bytes.writeUInt32BE(METHOD.get, at);
  at = bytes.writeUInt16BE(0, at);
  at += queue.copy(bytes, at);
  bytes[at++] = 0;
  bytes[at] = FRAME_END;
  return bytes;
}

function frameStart(bytes: Buffer, at: number, type: number, channel: number, size: number): number {
  bytes[at] = type;
  bytes.writeUInt16BE(channel, at + 1);
  return bytes.writeUInt32BE(size, at + 3);
}

/** Delivery tags count from 1 per channel, so they stay far below 2^53. */
function writeTag(bytes: Buffer, at: number, tag: number): number {
  bytes.writeUInt32BE(Math.floor(tag / 0x1_0000_0000), at);
  return bytes.writeUInt32BE(tag % 0x1_0000_0000, at + 4);
}

export function readTag(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);
}

/** A message as it came: from `basic.deliver`, `basic.get-ok` or `basic.return`. */
export interface Content {
  readonly method: number;
  /** 0 for a returned message. */
  readonly tag: number;
  readonly redelivered: boolean;
  readonly exchange: string;
  readonly routingKey: string;
  /** Flags and property list. */
  readonly properties: Buffer;
  readonly body: Buffer;
  /** For a returned message: the reason. */
  readonly reason: string | null;
}

/** All that is known of a message before its properties. */
export type Announcement = Omit<Content, 'properties' | 'body'>;

/** The arguments of the method that announces a message. `start`: where its id is, the payload of a method frame. */
export function readAnnouncement(bytes: Buffer, start: number): Announcement {
  const method = bytes.readUInt32BE(start);
  let at = start + 4;
  const text = (): string => {
    const length = bytes.readUInt8(at);
    at += 1 + length;
    return shortText(bytes, at - length, at);
  };
  if (method === METHOD.returned) {
    at += 2;
    const reason = text();
    return { method, tag: 0, redelivered: false, reason, exchange: text(), routingKey: text() };
  }
  // The consumer's tag.
  if (method === METHOD.deliver) at += 1 + bytes.readUInt8(at);
  const tag = readTag(bytes, at);
  const redelivered = (bytes.readUInt8(at + 8) & 1) !== 0;
  at += 9;
  return { method, tag, redelivered, reason: null, exchange: text(), routingKey: text() };
}
