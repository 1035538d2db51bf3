import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Below the range that the system hands out to outgoing connections, so that none of those takes a port before its
 * server does.
 */
const LOWEST = 20_000;
const HIGHEST = 31_999;

/**
 * A TCP port of 127.0.0.1 on which nothing listens now, and which no other caller on this machine gets as long as this
 * process lives: its server binds it seconds later.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    const mark = await reserve(port);
    if (mark === null) continue;
    if (await isFree(port)) return port;
    mark.close();
  }
  throw new Error(`no free port found on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
}

/**
 * The UDP port of that number, which none of the servers uses, is the mark: the system gives it to one process, and
 * takes it back at its end.
 */
function reserve(port: number): Promise<{ close(): void } | null> {
  return new Promise((resolve) => {
    const mark = createSocket('udp4');
    mark.once('error', () => {
      mark.close();
      resolve(null);
    });
    mark.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
      mark.unref();
      resolve(mark);
    });
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
