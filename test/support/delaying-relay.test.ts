import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DelayingRelay, delayingRelay } from './delaying-relay.ts';

const ROUND_TRIP_MS = 40;
/** Timers of Node may fire a little early. */
const EARLY_MS = 4;

const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
let relay: DelayingRelay;

beforeAll(async () => {
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  relay = await delayingRelay(`tcp://127.0.0.1:${(echo.address() as AddressInfo).port}`, ROUND_TRIP_MS);
});

afterAll(async () => {
  await relay.close();
  echo.close();
});

async function dial(): Promise<Socket> {
  const { hostname, port } = new URL(relay.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return socket;
}

test('the first answer takes two round trips, each later one takes one', async () => {
  const socket = await dial();
  const took = async (): Promise<number> => {
    const asked = performance.now();
    socket.write('x');
    await once(socket, 'data');
    return performance.now() - asked;
  };
  expect(await took()).toBeGreaterThan(2 * ROUND_TRIP_MS - EARLY_MS);
  const second = await took();
  expect(second).toBeGreaterThan(ROUND_TRIP_MS - EARLY_MS);
  socket.destroy();
});

test('everything arrives in order, the end after it', async () => {
  const socket = await dial();
  const pieces = Array.from({ length: 200 }, (_, number) => `${number};`);
  let heard = '';
  socket.on('data', (piece) => {
    heard += piece.toString();
  });
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  socket.end();
  await once(socket, 'end');
  expect(heard).toBe(pieces.join(''));
});
