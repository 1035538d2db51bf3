import { createServer } from 'node:net';

/** Below the range that the system hands out to outgoing connections, so that none of those takes a port before its server does. */
const LOWEST = 20_000;
const HIGHEST = 31_999;

/** A TCP port of 127.0.0.1 on which nothing listens now. Random, so that two test runs seldom choose the same. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST + 1));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found on 127.0.0.1 between ${LOWEST} and ${HIGHEST}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
