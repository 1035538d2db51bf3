// The emulators in a thread of their own: posts their addresses, and ends with the thread. One answers a receive by
// timers of 40 ms and calls that an empty queue when its thread was busy for so long, as that of a test run is.
import { parentPort } from 'node:worker_threads';
import { buildApp } from 'fauxqs';
import { createSqsServer } from 'local-aws-sqs';
import { freePort } from '../free-port.ts';
import type { EmulatorAddresses } from './emulators.ts';

const app = buildApp({ logger: false, host: '127.0.0.1' });
const fauxqs = await app.listen({ host: '127.0.0.1', port: 0 });
const port = await freePort();
const other = await createSqsServer({ port, hostname: '127.0.0.1' });
// Neither may hang up on a client that was quiet for some seconds and is just about to ask again: a send that meets
// that is lost for good.
for (const server of [app.server, other]) server.keepAliveTimeout = 0;
parentPort?.postMessage({ fauxqs, localSqs: `http://127.0.0.1:${port}` } satisfies EmulatorAddresses);
