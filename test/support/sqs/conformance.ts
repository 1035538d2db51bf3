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
import type { Harness } from '../../conformance/index.ts';
import { sqs } from '../servers.ts';
import { FaultProxy } from './fault-proxy.ts';
import { provideTestCredentials, urlOf as sqsUrl } from './harness.ts';

provideTestCredentials();
// fauxqs drops the message group of a standard queue, refuses every character beyond U+FFFF and gives one message of a group at a time.
// local-aws-sqs counts messages in flight as visible too; the fake in front of it takes them off again.
const proxy = await FaultProxy.start((await sqs()).localSqs);
proxy.spoil('GetQueueAttributes', async (_, forward) => {
  const answer = await forward();
  const attributes = answer.body.Attributes as Record<string, string> | undefined;
  if (attributes?.ApproximateNumberOfMessages === undefined) return answer;
  const { ApproximateNumberOfMessages: all, ApproximateNumberOfMessagesNotVisible: hidden } = attributes;
  const visible = String(Number(all) - Number(hidden));
  return { ...answer, body: { Attributes: { ...attributes, ApproximateNumberOfMessages: visible } } };
});
// Its purge takes a minute, as SQS may; this one is done when it answers.
proxy.spoil('PurgeQueue', async ({ input: { QueueUrl } }) => {
  for (;;) {
    const { body } = await proxy.ask('ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 });
    const messages = (body.Messages ?? []) as { ReceiptHandle: string }[];
    if (messages.length === 0) return { status: 200, body: {} };
    for (const { ReceiptHandle } of messages) await proxy.ask('DeleteMessage', { QueueUrl, ReceiptHandle });
  }
});
afterAll(() => proxy.stop());
const MAX_RECEIVES = 3;

/** A kind of SQS on the emulator local-aws-sqs, counts and purge by a fake. */
export function sqsHarness(kind: 'standard' | 'fifo'): Harness {
  const endpoint = proxy.url;
  const client = new SQSClient({ endpoint, region: 'us-east-1' });
  afterAll(() => client.destroy());
  const fifo = kind === 'fifo';
  const suffix = fifo ? '.fifo' : '';
  const FifoAttributes = fifo ? { FifoQueue: 'true' } : {};
  const urlOf = async (queue: string) => (await client.send(new GetQueueUrlCommand({ QueueName: queue }))).QueueUrl;
  const attributes = async (queue: string) => {
    const command = new GetQueueAttributesCommand({ QueueUrl: await urlOf(queue), AttributeNames: ['All'] });
    return (await client.send(command)).Attributes ?? {};
  };
  const remove = async (queue: string) => {
    try {
      await client.send(new DeleteQueueCommand({ QueueUrl: await urlOf(queue) }));
    } catch (error) {
      if (!(error instanceof QueueDoesNotExist)) throw error;
    }
  };
  return {
    name: `SQS ${kind} (emulator local-aws-sqs, counts and purge by a fake)`,
    kind,
    backend,
    url: sqsUrl(endpoint),
    queueName: (base) => `${base.slice(0, 70)}${suffix}`,
    async makeQueue(queue, { deadLetters }) {
      // The emulators are laxer than SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
      if (!/^[A-Za-z0-9_-]{1,75}(?:\.fifo)?$/.test(queue)) return null;
      const deadName = `${queue.replace('.fifo', '')}-dlq${suffix}`;
      let redrive = {};
      if (deadLetters) {
        await client.send(new CreateQueueCommand({ QueueName: deadName, Attributes: FifoAttributes }));
        const deadLetterTargetArn = (await attributes(deadName)).QueueArn;
        redrive = { RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: MAX_RECEIVES }) };
      }
      await client.send(new CreateQueueCommand({ QueueName: queue, Attributes: { ...FifoAttributes, ...redrive } }));
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
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
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
