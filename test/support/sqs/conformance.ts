import {
  ChangeMessageVisibilityBatchCommand,
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll } from 'vitest';
import { backend } from '../../../src/backends/sqs/index.ts';
import { conformance, type Harness } from '../../../src/conformance/index.ts';
import { sqs } from '../servers.ts';
import { VITEST } from '../vitest-runner.ts';
import { fakeInFrontOf } from './fake-front.ts';
import { GIVEN_SQS } from './given.ts';
import { provideTestCredentials, urlOf as sqsUrl } from './harness.ts';

const MAX_RECEIVES = 3;

/** Where the suite is run. */
interface Place extends Pick<Harness, 'url' | 'patienceMs' | 'caseTimeoutMs' | 'afterPurge'> {
  readonly title: string;
  readonly client: SQSClient;
  /** Of one receive; a short poll of AWS asks only some of its servers. */
  readonly waitSeconds: number;
}

/** Runs the suite for a kind on an emulator, and on the SQS of `MQ_TEST_SQS_URL` too where that is given. */
export async function sqsConformance(kind: 'standard' | 'fifo'): Promise<void> {
  provideTestCredentials();
  // fauxqs drops the message group of a standard queue, refuses every character beyond U+FFFF and gives one message of
  // a group at a time.
  const proxy = await fakeInFrontOf((await sqs()).localSqs);
  const places: Place[] = [
    {
      title: 'emulator local-aws-sqs, counts and purge by a fake',
      url: sqsUrl(proxy.url),
      client: new SQSClient({ endpoint: proxy.url, region: 'us-east-1' }),
      waitSeconds: 0,
    },
  ];
  if (GIVEN_SQS !== null) {
    const { endpoint, region, ...rest } = GIVEN_SQS;
    const client = new SQSClient({ region, ...(endpoint === null ? {} : { endpoint }) });
    places.push({ title: `MQ_TEST_SQS_URL, ${endpoint ?? 'AWS'}`, client, waitSeconds: 2, ...rest });
  }
  afterAll(async () => {
    for (const { client } of places) client.destroy();
    await proxy.stop();
  });
  for (const place of places) conformance(harnessAt(place, kind), VITEST);
}

function harnessAt({ title, client, waitSeconds, ...rest }: Place, kind: 'standard' | 'fifo'): Harness {
  const fifo = kind === 'fifo';
  const suffix = fifo ? '.fifo' : '';
  const FifoAttributes = fifo ? { FifoQueue: 'true' } : {};
  const urlOf = async (queue: string) => (await client.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl;
  const attributes = async (queue: string) => {
    const command = new GetQueueAttributesCommand({ QueueUrl: await urlOf(queue), AttributeNames: ['All'] });
    return (await client.send(command)).Attributes ?? {};
  };
  const create = async (queue: string, Attributes: Record<string, string>) => {
    await client.send(new CreateQueueCommand({ QueueName: queue, Attributes: { ...FifoAttributes, ...Attributes } }));
    await visible(() => urlOf(queue));
  };
  const remove = async (queue: string) => {
    try {
      await client.send(new DeleteQueueCommand({ QueueUrl: await urlOf(queue) }));
    } catch (error) {
      if (!(error instanceof QueueDoesNotExist)) throw error;
    }
  };
  return {
    ...rest,
    name: `SQS ${kind} (${title})`,
    kind,
    backend,
    queueName: (base) => `${base.slice(0, 70)}${suffix}`,
    async makeQueue(queue, { deadLetters }) {
      // The emulators are laxer than SQS:
      // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
      if (!/^[A-Za-z0-9_-]{1,75}(?:\.fifo)?$/.test(queue)) return null;
      const deadName = `${queue.replace('.fifo', '')}-dlq${suffix}`;
      let redrive = {};
      if (deadLetters) {
        await create(deadName, {});
        const deadLetterTargetArn = (await attributes(deadName)).QueueArn;
        redrive = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: MAX_RECEIVES }) };
      }
      await create(queue, redrive);
      return {
        remove: async () => {
          await remove(queue);
          if (deadLetters) await remove(deadName);
        },
      };
    },
    async deadLetter(queue, bodies) {
      const QueueUrl = await urlOf(queue);
      await client.send(
        new SendMessageBatchCommand({
          QueueUrl,
          Entries: bodies.map((body, i) => ({
            Id: String(i),
            MessageBody: body,
            ...(fifo ? { MessageGroupId: 'one-group', MessageDeduplicationId: `${queue}-${i}` } : {}),
          })),
        }),
      );
      for (let empty = 0; empty < 2; ) {
        const { Messages: messages = [] } = await client.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: waitSeconds }),
        );
        empty = messages.length === 0 ? empty + 1 : 0;
        if (messages.length === 0) continue;
        await client.send(
          new ChangeMessageVisibilityBatchCommand({
            QueueUrl,
            Entries: messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle, VisibilityTimeout: 0 })),
          }),
        );
      }
    },
  };
}

/** AWS asks to wait a second after a queue was made; until then it may not know it. */
async function visible(look: () => Promise<unknown>): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      await look();
      return;
    } catch (error) {
      if (!(error instanceof QueueDoesNotExist) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}
