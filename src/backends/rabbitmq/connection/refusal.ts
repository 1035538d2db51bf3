import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Address } from '../url.ts';
import type { TrustMaterial } from './trust-material.ts';

/** Class and method ids as one number. */
const START = 0x000a_000a;
const START_OK = 0x000a_000b;
const TUNE = 0x000a_001e;
const TUNE_OK = 0x000a_001f;
const OPEN = 0x000a_0028;
const CLOSE = 0x000a_0032;
const LONGEST_MS = 2_000;

/**
 * Why the broker does not open the vhost, in its own words, found out by asking once more: the client library says only
 * that it was refused. Null: the broker does not say, or would open it by now.
 */
export function whyRefused(address: Address, trust: TrustMaterial): Promise<string | null> {
  return new Promise((resolve) => {
    const { host, port } = address;
    const socket: Socket = address.tls
      ? connectTls({ host, port, servername: host, ...trust })
      : connect({ host, port });
    const end = (reason: string | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    const timer = setTimeout(() => end(null), LONGEST_MS);
    let bytes: Buffer = Buffer.alloc(0);
    socket.on('error', () => end(null));
    socket.on('close', () => end(null));
    socket.on(address.tls ? 'secureConnect' : 'connect', () => socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1')));
    socket.on('data', (piece: Buffer) => {
      bytes = Buffer.concat([bytes, piece]);
      while (bytes.length >= 8 && bytes.length >= 8 + bytes.readUInt32BE(3)) {
        const payload = bytes.subarray(7, 7 + bytes.readUInt32BE(3));
        bytes = bytes.subarray(8 + payload.length);
        const method = payload.length < 4 ? 0 : payload.readUInt32BE(0);
        if (method === START) socket.write(frame(START_OK, startOk(address)));
        else if (method === TUNE) {
          socket.write(frame(TUNE_OK, payload.subarray(4, 12)));
          socket.write(frame(OPEN, Buffer.concat([short(address.vhost), Buffer.from([0, 0])])));
        } else {
          const length = method === CLOSE && payload.length > 6 ? payload.readUInt8(6) : 0;
          end(length === 0 ? null : payload.toString('utf8', 7, 7 + length));
          return;
        }
      }
    });
  });
}

/** No properties, PLAIN, the locale that every broker has. */
function startOk({ user, password }: Address): Buffer {
  const response = Buffer.from(`\0${user}\0${password}`);
  return Buffer.concat([size(0), short('PLAIN'), size(response.length), response, short('en_US')]);
}

function frame(method: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([1, 0, 0]), size(4 + content.length), size(method), content, Buffer.from([0xce])]);
}

function size(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function short(text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 255);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
