import type { Duplex } from 'node:stream';
import type { ChannelModel } from 'amqplib';
import { type Content, FRAME, FRAME_OVERHEAD, METHOD, PAYLOAD_OFFSET, readAnnouncement } from './frames.ts';

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

class Assembly {
  announcement: Omit<Content, 'properties' | 'body'> | null = null;
  properties: Buffer = EMPTY;
  missing = 0;
  pieces: Buffer[] = [];
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
      const frame = this.#nextFrame();
      if (frame === null) return false;
      if (frame[0] !== FRAME.heartbeat) this.#heardAt = performance.now();
      const tap = this.#taps.get(frame.readUInt16BE(1));
      if (tap === undefined || !this.#accept(tap, frame)) {
        this.#connection.rest = frame;
        return this.#original.call(this.#connection);
      }
    }
    return false;
  }

  #nextFrame(): Buffer | null {
    for (;;) {
      const available = this.#bytes.length - this.#offset;
      if (available >= FRAME_OVERHEAD) {
        const size = this.#bytes.readUInt32BE(this.#offset + 3) + FRAME_OVERHEAD;
        if (available >= size) {
          const start = this.#offset;
          this.#offset += size;
          return this.#bytes.subarray(start, start + size);
        }
      }
      const chunk: unknown = this.#connection.stream.read();
      if (!Buffer.isBuffer(chunk)) return null;
      this.#connection.recvSinceLastCheck = true;
      this.#bytes = available === 0 ? chunk : Buffer.concat([this.#bytes.subarray(this.#offset), chunk]);
      this.#offset = 0;
    }
  }

  /** True if the frame was for us. */
  #accept(tap: ChannelTap, frame: Buffer): boolean {
    const payload = frame.subarray(PAYLOAD_OFFSET, frame.length - 1);
    const type = frame[0];
    const channel = frame.readUInt16BE(1);
    const assembly = this.#assemblies.get(channel);
    if (assembly === undefined) return false;
    if (type === FRAME.method) {
      const method = payload.readUInt32BE(0);
      if (CONTENTS.has(method)) {
        assembly.announcement = readAnnouncement(payload);
        return true;
      }
      if (METHODS.has(method)) {
        tap.method?.(method, payload);
        return true;
      }
      return false;
    }
    if (type === FRAME.header) {
      // Copied: a slice would keep the whole chunk of the socket in memory as long as the message is held.
      assembly.properties = Buffer.from(payload.subarray(12));
      assembly.missing = payload.readUInt32BE(4) * 0x1_0000_0000 + payload.readUInt32BE(8);
    } else if (type === FRAME.body) {
      assembly.missing -= payload.length;
      assembly.pieces.push(payload);
    } else return false;
    if (assembly.missing > 0) return true;
    const { announcement, properties, pieces } = assembly;
    this.#assemblies.set(channel, new Assembly());
    if (announcement === null) return true;
    const only = pieces[0];
    const body = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
    tap.content?.({ ...announcement, properties, body });
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
