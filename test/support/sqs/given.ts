import { setTimeout as wait } from 'node:timers/promises';
import { parseAddress } from '../../../src/backends/sqs/url.ts';

/**
 * An SQS of the operator's own (`sqs://eu-west-1`), beside the emulators. Credentials come from the SDK's own chain.
 */
const url = process.env.MQ_TEST_SQS_URL ?? null;

/**
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html: "up to 60 seconds".
 * Nothing tells when it is done.
 */
const PURGE_MS = 60_000;

/** `MQ_TEST_SQS_URL`; null when it is not set. */
export const GIVEN_SQS =
  url === null
    ? null
    : {
        url,
        region: parseAddress(url).region,
        /** Of a server that is not AWS; null: AWS. */
        endpoint: parseAddress(url).endpoint,
        /**
         * Counts follow within about a minute:
         * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
         */
        patienceMs: 120_000,
        caseTimeoutMs: 300_000,
        /** Until a purge deletes nothing more that is sent after it. */
        afterPurge: async (): Promise<void> => {
          if (parseAddress(url).endpoint === null) await wait(PURGE_MS);
        },
      };
