import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** Two emulators of Amazon SQS, because each lacks what the other has (see test/README.md). Any credentials will do. */
export interface EmulatorAddresses {
  /** Messages, FIFO, dead-letter queues. */
  readonly fauxqs: string;
  /** Move tasks, source queues of a dead-letter queue, limits on purging and deleting. */
  readonly localSqs: string;
}

export interface SqsEmulators extends EmulatorAddresses {
  stop(): Promise<void>;
}

export async function startSqsEmulators(): Promise<SqsEmulators> {
  const thread = new Worker(new URL('./emulator-thread.ts', import.meta.url));
  const [addresses] = (await once(thread, 'message')) as [EmulatorAddresses];
  return {
    ...addresses,
    async stop() {
      await thread.terminate();
    },
  };
}
