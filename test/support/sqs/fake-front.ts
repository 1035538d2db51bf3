import { FaultProxy } from './fault-proxy.ts';

/**
 * A fake in front of the emulator local-aws-sqs, which counts messages in flight as visible too: it takes them off
 * again. And it purges at once, where the emulator takes a minute, as SQS may.
 */
export async function fakeInFrontOf(endpoint: string): Promise<FaultProxy> {
  const proxy = await FaultProxy.start(endpoint);
  proxy.spoil('GetQueueAttributes', async (_, forward) => {
    const answer = await forward();
    const attributes = answer.body.Attributes as Record<string, string> | undefined;
    if (attributes?.ApproximateNumberOfMessages === undefined) return answer;
    const { ApproximateNumberOfMessages: all, ApproximateNumberOfMessagesNotVisible: hidden } = attributes;
    const visible = String(Number(all) - Number(hidden));
    return { ...answer, body: { Attributes: { ...attributes, ApproximateNumberOfMessages: visible } } };
  });
  proxy.spoil('PurgeQueue', async ({ input: { QueueUrl } }) => {
    for (;;) {
      const { body } = await proxy.ask('ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 });
      const messages = (body.Messages ?? []) as { ReceiptHandle: string }[];
      if (messages.length === 0) return { status: 200, body: {} };
      for (const { ReceiptHandle } of messages) await proxy.ask('DeleteMessage', { QueueUrl, ReceiptHandle });
    }
  });
  return proxy;
}
