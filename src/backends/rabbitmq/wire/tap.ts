import type { Duplex } from 'node:stream';
import type { ChannelModel } from 'amqplib';
import {
  type Announcement,
  type Content,
  FRAME,
  FRAME_OVERHEAD,
  METHOD,
  PAYLOAD_OFFSET,
  readAnnouncement,
} from './frames.ts';

/**
 * Reads a connection's bytes before amqplib does, and keeps the frames that carry messages and their settlement. All
 * others go on to amqplib unchanged.
 *
 * Why: amqplib turns header tables into plain values. That loses their types, and changes integers beyond 2^53 and
 * bytes that are not UTF-8. It has no hook for raw properties, so this uses three members of its connection object that
 * are not in its types: `recvFrame` (called for every frame), `rest` (bytes not yet parsed) and `sendBytes`. They are
 * checked at the start, and another form of them is refused.
 */
export interface ChannelTap {
  /** A whole message. */
  content?(content: Content): void;
  /** `basic.ack`, `basic.nack`, `basic.get-empty`, `basic.cancel`: the method and the payload of its frame. */
  method?(method: number, payload: Buffer): void;
}

interface RawConnection {
  stream: Duplex;
  rest: Buffer;
  recvSinceLastCheck: boolean;
  readonly frameMax: number;
  recvFrame(): unknown;
  sendBytes(bytes: Buffer): void;
}

const EMPTY = Buffer.alloc(0);
const METHODS: ReadonlySet<number> = new Set([METHOD.ack, METHOD.nack, METHOD.getEmpty, METHOD.cancel]);
const CONTENTS: ReadonlySet<number> = new Set([METHOD.deliver, METHOD.getOk, METHOD.returned]);

/** The message whose frames are arriving on a channel. */
class Assembly {
  announcement: Announcement | null = null;
  properties: Buffer = EMPTY;
  missing = 0;
  pieces: Buffer[] = [];

  take(): Content | null {
    const { announcement, properties, pieces } = this;
    this.announcement = null;
    this.properties = EMPTY;
    this.pieces = [];
    if (announcement === null) return null;
    const { method, tag, redelivered, exchange, routingKey, reason } = announcement;
    const only = pieces[0];
    const body = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
    return { method, tag, redelivered, exchange, routingKey, reason, properties, body };
  }
}

export class Tap {
  readonly #connection: RawConnection;
  readonly #original: () => unknown;
  readonly #taps = new Map<number, ChannelTap>();
  readonly #assemblies = new Map<number, Assembly>();
  #bytes: Buffer;
  #offset = 0;
  #paused = false;
  #heardAt = performance.now();

  constructor(model: ChannelModel) {
    this.#connection = rawConnection(model);
    this.#original = this.#connection.recvFrame;
    this.#bytes = this.#connection.rest;
    this.#connection.rest = EMPTY;
    this.#connection.recvFrame = () => this.#receive();
    this.#keepHeartbeatWhilePaused();
  }

  /** When the last frame came that was not a heartbeat, by `performance.now()`. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** The broker's bytes are left unread. */
  get isPaused(): boolean {
    return this.#paused;
  }

  /** Breaks the connection off. */
  cut(error: Error): void {
    this.#connection.stream.destroy(error);
  }

  get frameMax(): number {
    return this.#connection.frameMax;
  }

  watch(channel: number, tap: ChannelTap): void {
    this.#taps.set(channel, tap);
    this.#assemblies.set(channel, new Assembly());
  }

  unwatch(channel: number): void {
    this.#taps.delete(channel);
    this.#assemblies.delete(channel);
  }

  /** Whole frames only. False: the socket has more than it can send at once; wait for `drained`. */
  write(bytes: Buffer): boolean {
    this.#connection.sendBytes(bytes);
    return !this.#connection.stream.writableNeedDrain;
  }

  /** Calls back once when the socket can take more, or when it has closed. */
  drained(callback: () => void): void {
    const stream = this.#connection.stream;
    if (!stream.writableNeedDrain || stream.destroyed) {
      queueMicrotask(callback);
      return;
    }
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      callback();
    };
    stream.on('drain', done);
    stream.on('close', done);
  }

  /** Stops reading, so that the broker stops sending: this bounds the memory if the caller is slow. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#heardAt = performance.now();
    this.#connection.stream.emit('readable');
  }

  /** amqplib considers a connection without incoming bytes dead. One that we paused is not. */
  #keepHeartbeatWhilePaused(): void {
    let received = true;
    Object.defineProperty(this.#connection, 'recvSinceLastCheck', {
      get: () => received || this.#paused,
      set: (value: boolean) => {
        received = value;
      },
    });
  }

  #receive(): unknown {
    while (!this.#paused) {
      const size = this.#nextFrame();
      if (size === 0) return false;
      const start = this.#offset;
      this.#offset += size;
      if (this.#bytes[start] !== FRAME.heartbeat) this.#heardAt = performance.now();
      const channel = this.#bytes.readUInt16BE(start + 1);
      const tap = this.#taps.get(channel);
      if (tap === undefined || !this.#accept(tap, channel, start, start + size - 1)) {
        this.#connection.rest = this.#bytes.subarray(start, start + size);
        return this.#original.call(this.#connection);
      }
    }
    return false;
  }

  /** The size of the frame at the offset; 0: it has not arrived. */
  #nextFrame(): number {
    for (;;) {
      const available = this.#bytes.length - this.#offset;
      if (available >= FRAME_OVERHEAD) {
        const size = this.#bytes.readUInt32BE(this.#offset + 3) + FRAME_OVERHEAD;
        if (available >= size) return size;
      }
      const chunk: unknown = this.#connection.stream.read();
      if (!Buffer.isBuffer(chunk)) return 0;
      this.#connection.recvSinceLastCheck = true;
      this.#bytes = available === 0 ? chunk : Buffer.concat([this.#bytes.subarray(this.#offset), chunk]);
      this.#offset = 0;
    }
  }

  /** Takes the frame from `start` to its end mark at `end`. True if it was for us. */
  #accept(tap: ChannelTap, channel: number, start: number, end: number): boolean {
    const bytes = this.#bytes;
    const at = start + PAYLOAD_OFFSET;
    const assembly = this.#assemblies.get(channel);
    if (assembly === undefined) return false;
    switch (bytes[start]) {
      case FRAME.method: {
        const method = bytes.readUInt32BE(at);
        if (CONTENTS.has(method)) assembly.announcement = readAnnouncement(bytes, at);
        else if (METHODS.has(method)) tap.method?.(method, bytes.subarray(at, end));
        else return false;
        return true;
      }
      case FRAME.header:
        // Copied: a slice would keep the whole chunk of the socket in memory as long as the message is held.
        assembly.properties = Buffer.from(bytes.subarray(at + 12, end));
        assembly.missing = bytes.readUInt32BE(at + 4) * 0x1_0000_0000 + bytes.readUInt32BE(at + 8);
        break;
      case FRAME.body:
        assembly.missing -= end - at;
        assembly.pieces.push(bytes.subarray(at, end));
        break;
      default:
        return false;
    }
    if (assembly.missing > 0) return true;
    const content = assembly.take();
    if (content !== null) tap.content?.(content);
    return true;
  }
}

function rawConnection(model: ChannelModel): RawConnection {
  const connection: Partial<RawConnection> = model.connection as unknown as Partial<RawConnection>;
  if (
    typeof connection.recvFrame !== 'function' ||
    typeof connection.sendBytes !== 'function' ||
    typeof connection.frameMax !== 'number' ||
    !Buffer.isBuffer(connection.rest) ||
    connection.stream === undefined
  ) {
    throw new TypeError('the internals of this version of amqplib are not the ones that mq was written for');
  }
  return connection as RawConnection;
}
