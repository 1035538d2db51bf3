import { createServer } from 'node:net';

/** Below the range that the system hands out to outgoing connections, so that none of those takes a port before its server does. */
const LOWEST = 20_000;
const HIGHEST = 31_999;

/**
 * A server binds its port seconds after it was chosen; until then nobody else may choose it. Vitest runs at most so many processes at once, and numbers them
 * from 1; the runner itself has none.
 */
const PROCESSES = 8;
const SHARE = Math.floor((HIGHEST - LOWEST + 1) / PROCESSES);
const OWN = LOWEST + SHARE * (Number(process.env.VITEST_POOL_ID ?? 0) % PROCESSES);

const chosen = new Set<number>();

/**
 * A TCP port of 127.0.0.1 on which nothing listens now. No other process of this test run chooses it, nor does this one again. Random, so that two test
 * runs seldom choose the same.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = OWN + Math.floor(Math.random() * SHARE);
    if (chosen.has(port) || !(await isFree(port))) continue;
    chosen.add(port);
    return port;
  }
  throw new Error(`no free port found on 127.0.0.1 between ${OWN} and ${OWN + SHARE - 1}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
