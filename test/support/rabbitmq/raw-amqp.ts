import { connect, type Socket } from 'node:net';

/**
 * A tiny AMQP 0-9-1 client that shares no code with `mq` or amqplib: it publishes and gets messages whose property
 * lists are bytes, so that a test can compare what is on the wire.
 */
export interface WireMessage {
  /** Flags and property list, as in the content header after the body size. */
  readonly properties: Buffer;
  readonly body: Buffer;
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
}

interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

const END = 0xce;

export class RawAmqp implements AsyncDisposable {
  readonly #socket: Socket;
  #published = 0;
  readonly #unconfirmed = new Set<number>();
  #bytes: Buffer = Buffer.alloc(0);
  #frames: Frame[] = [];
  #waiting: { resolve: (frame: Frame) => void; reject: (error: Error) => void }[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the broker closed the connection'));
    });
    socket.on('error', () => undefined);
  }

  static async open(url: string): Promise<RawAmqp> {
    const target = new URL(url);
    const socket = connect(Number(target.port), target.hostname);
    const client = new RawAmqp(socket);
    const login = `\0${decodeURIComponent(target.username)}\0${decodeURIComponent(target.password)}`;
    socket.write(Buffer.from([0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]));
    await client.#expect(10, 10);
    client.#method(0, 10, 11, Buffer.concat([long(0), short('PLAIN'), longText(login), short('en_US')]));
    await client.#expect(10, 30);
    client.#method(0, 10, 31, Buffer.from([0, 8, 0, 2, 0, 0, 0, 0]));
    client.#method(
      0,
      10,
      40,
      Buffer.concat([short(decodeURIComponent(target.pathname.slice(1)) || '/'), short(''), Buffer.from([0])]),
    );
    await client.#expect(10, 41);
    client.#method(1, 20, 10, short(''));
    await client.#expect(20, 11);
    client.#method(1, 85, 10, Buffer.from([0]));
    await client.#expect(85, 11);
    return client;
  }

  /** Resolves when the broker has confirmed it. */
  async publish(exchange: string, routingKey: string, properties: Buffer, body: Buffer): Promise<void> {
    this.#send(exchange, routingKey, properties, body);
    await this.#confirmed();
  }

  /** Many to one queue, without waiting for each: resolves when all are confirmed. */
  async publishAll(
    queue: string,
    messages: Iterable<{ readonly properties: Buffer; readonly body: Buffer }>,
  ): Promise<void> {
    for (const { properties, body } of messages) {
      this.#send('', queue, properties, body);
    }
    await this.#confirmed();
  }

  /** Reads confirms, which may come out of order and for several at once, until none is missing. */
  async #confirmed(): Promise<void> {
    while (this.#unconfirmed.size > 0) {
      const { payload } = await this.#expect(60, 80);
      const [upTo, multiple] = [Number(payload.readBigUInt64BE(4)), payload.readUInt8(12) === 1];
      for (const tag of multiple ? this.#unconfirmed : [upTo]) if (tag <= upTo) this.#unconfirmed.delete(tag);
    }
  }

  #send(exchange: string, routingKey: string, properties: Buffer, body: Buffer): void {
    this.#unconfirmed.add(++this.#published);
    this.#method(1, 60, 40, Buffer.concat([Buffer.alloc(2), short(exchange), short(routingKey), Buffer.from([0])]));
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(body.length));
    this.#frame(2, 1, Buffer.concat([Buffer.from([0, 60, 0, 0]), size, properties]));
    for (let at = 0; at < body.length; at += 100_000) this.#frame(3, 1, body.subarray(at, at + 100_000));
  }

  /** Takes the next message and removes it; null: the queue is empty. */
  async get(queue: string): Promise<WireMessage | null> {
    this.#method(1, 60, 70, Buffer.concat([Buffer.alloc(2), short(queue), Buffer.from([1])]));
    const answer = await this.#next();
    if (answer.payload.readUInt16BE(2) === 72) return null;
    if (answer.payload.readUInt16BE(2) !== 71) throw new Error(`unexpected method ${answer.payload.readUInt16BE(2)}`);
    const args = answer.payload;
    const redelivered = args.readUInt8(12) !== 0;
    const exchange = args.toString('utf8', 14, 14 + args.readUInt8(13));
    const keyAt = 14 + args.readUInt8(13);
    const routingKey = args.toString('utf8', keyAt + 1, keyAt + 1 + args.readUInt8(keyAt));
    const header = (await this.#next()).payload;
    const size = Number(header.readBigUInt64BE(4));
    const pieces: Buffer[] = [];
    for (let length = 0; length < size; ) {
      const piece = (await this.#next()).payload;
      length += piece.length;
      pieces.push(piece);
    }
    return { properties: header.subarray(12), body: Buffer.concat(pieces), exchange, routingKey, redelivered };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = new Promise<void>((resolve) => this.#socket.on('close', () => resolve()));
    this.#method(0, 10, 50, Buffer.concat([Buffer.from([0, 200]), short('done'), Buffer.alloc(4)]));
    await closed;
  }

  async #expect(classId: number, methodId: number): Promise<Frame> {
    const frame = await this.#next();
    const [gotClass, gotMethod] = [frame.payload.readUInt16BE(0), frame.payload.readUInt16BE(2)];
    if (frame.type === 1 && gotClass === classId && gotMethod === methodId) return frame;
    throw new Error(
      `expected method ${classId}.${methodId}, got ${gotClass}.${gotMethod}: ${frame.payload.toString('latin1')}`,
    );
  }

  #next(): Promise<Frame> {
    const frame = this.#frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#socket.destroyed || this.#socket.readableEnded)
      return Promise.reject(new Error('the broker closed the connection'));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #read(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    while (this.#bytes.length >= 8) {
      const size = this.#bytes.readUInt32BE(3);
      if (this.#bytes.length < size + 8) return;
      const frame = { type: this.#bytes.readUInt8(0), payload: this.#bytes.subarray(7, 7 + size) };
      this.#bytes = this.#bytes.subarray(size + 8);
      if (frame.type === 8) continue;
      // The broker closes: whoever waits sees its reason.
      if (frame.type === 1 && frame.payload.readUInt32BE(0) === 0x000a_0032) this.#socket.destroy();
      // The answer to our close: the broker waits for us to hang up.
      if (frame.type === 1 && frame.payload.readUInt32BE(0) === 0x000a_0033) {
        this.#socket.end();
        continue;
      }
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#frames.push(frame);
      else waiting.resolve(frame);
    }
  }

  #method(channel: number, classId: number, methodId: number, args: Buffer): void {
    const id = Buffer.alloc(4);
    id.writeUInt16BE(classId, 0);
    id.writeUInt16BE(methodId, 2);
    this.#frame(1, channel, Buffer.concat([id, args]));
  }

  #frame(type: number, channel: number, payload: Buffer): void {
    const head = Buffer.alloc(7);
    head.writeUInt8(type, 0);
    head.writeUInt16BE(channel, 1);
    head.writeUInt32BE(payload.length, 3);
    this.#socket.write(Buffer.concat([head, payload, Buffer.from([END])]));
  }
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function short(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function longText(text: string): Buffer {
  return Buffer.concat([long(Buffer.byteLength(text)), Buffer.from(text)]);
}

/** One entry of a header table: name, tag, and the bytes of the value as they are. */
export function rawHeader(name: string | Buffer, tag: string, value: Buffer): Buffer {
  const bytes = Buffer.from(name);
  return Buffer.concat([Buffer.from([bytes.length]), bytes, Buffer.from(tag, 'latin1'), value]);
}

export function rawLong(value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([long(bytes.length), bytes]);
}

/** All fourteen properties, or those whose bit is set in `flags`; `user-id` must be the login. */
export function rawProperties(flags: number, parts: readonly Buffer[]): Buffer {
  const bits = Buffer.alloc(2);
  bits.writeUInt16BE(flags);
  return Buffer.concat([bits, ...parts]);
}

export const rawShort = short;

const FIXED_SIZES: Readonly<Record<string, number>> = {
  b: 1,
  B: 1,
  t: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  f: 4,
  D: 5,
  l: 8,
  d: 8,
  T: 8,
  V: 0,
};
const TEXTS = new Set([15, 14, 10, 9, 8, 7, 5, 4, 3, 2]);

/**
 * A property list as readable lines, one for each property (by its flag bit) and each header entry, values in
 * hexadecimal with their type tags. Headers are sorted, because the broker itself sorts them when it dead-letters; the
 * broker's own `x-delivery-count` is left out, and with it the difference between an empty table and none.
 */
export function wireLines(properties: Buffer | undefined): readonly string[] {
  if (properties === undefined) return ['no message'];
  const lines: string[] = [];
  const flags = properties.readUInt16BE(0);
  let at = 2;
  for (let bit = 15; bit >= 2; bit--) {
    if ((flags & (1 << bit)) === 0) continue;
    const size = TEXTS.has(bit)
      ? 1 + properties.readUInt8(at)
      : bit === 13
        ? 4 + properties.readUInt32BE(at)
        : bit === 6
          ? 8
          : 1;
    const value = properties.subarray(at, at + size);
    if (bit === 13) lines.push(...headerLines(value.subarray(4)));
    else lines.push(`property ${bit}: ${value.toString('hex')}`);
    at += size;
  }
  if (at !== properties.length) lines.push(`${properties.length - at} bytes left over`);
  return lines;
}

function headerLines(table: Buffer): readonly string[] {
  const lines: string[] = [];
  for (let at = 0; at < table.length; ) {
    const name = table.toString('latin1', at + 1, at + 1 + table.readUInt8(at));
    at += 1 + name.length;
    const tag = String.fromCharCode(table.readUInt8(at));
    const size = FIXED_SIZES[tag] ?? 4 + table.readUInt32BE(at + 1);
    if (name !== 'x-delivery-count') {
      lines.push(
        `header ${name}: ${tag} ${table.toString('hex', at + 1, Math.min(at + 1 + size, at + 101))} (${size})`,
      );
    }
    at += 1 + size;
  }
  return lines.sort();
}
