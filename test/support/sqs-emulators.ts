import { buildApp } from 'fauxqs';
import { createSqsServer } from 'local-aws-sqs';
import { freePort } from './free-port.ts';

/** Two emulators of Amazon SQS, because each lacks what the other has (see test/README.md). Any credentials will do. */
export interface SqsEmulators {
  /** Messages, FIFO, dead-letter queues. */
  readonly fauxqs: string;
  /** Move tasks, source queues of a dead-letter queue, limits on purging and deleting. */
  readonly localSqs: string;
  stop(): Promise<void>;
}

export async function startSqsEmulators(): Promise<SqsEmulators> {
  const app = buildApp({ logger: false, host: '127.0.0.1' });
  const fauxqs = await app.listen({ host: '127.0.0.1', port: 0 });
  const port = await freePort();
  const local = await createSqsServer({ port, hostname: '127.0.0.1' });
  return {
    fauxqs,
    localSqs: `http://127.0.0.1:${port}`,
    stop: async () => {
      local.closeAllConnections();
      await Promise.all([app.close(), new Promise((resolve) => local.close(resolve))]);
    },
  };
}
