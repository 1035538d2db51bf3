// The emulator fauxqs in a thread: posts its URL, and ends with the thread.
import { parentPort } from 'node:worker_threads';
import { startSqsEmulators } from '../sqs-emulators.ts';

const { fauxqs } = await startSqsEmulators();
parentPort?.postMessage(fauxqs);
