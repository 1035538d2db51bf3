import { FaultProxy } from './fault-proxy.ts';

/**
 * A fake in front of the emulator local-aws-sqs, which counts messages in flight as visible too: it takes them off
 * again. And it purges at once, where the emulator takes a minute, as SQS may. As in SQS, what is in flight goes too.
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
  const received = new Map<unknown, string[]>();
  proxy.spoil('ReceiveMessage', async ({ input: { QueueUrl } }, forward) => {
    const answer = await forward();
    const handles = handlesIn(answer.body);
    received.set(QueueUrl, [...(received.get(QueueUrl) ?? []), ...handles]);
    return answer;
  });
  proxy.spoil('PurgeQueue', async ({ input: { QueueUrl } }) => {
    let handles = received.get(QueueUrl) ?? [];
    received.delete(QueueUrl);
    do {
      for (const ReceiptHandle of handles) await proxy.ask('DeleteMessage', { QueueUrl, ReceiptHandle });
      const { body } = await proxy.ask('ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 });
      handles = handlesIn(body);
    } while (handles.length > 0);
    return { status: 200, body: {} };
  });
  return proxy;
}

function handlesIn({ Messages = [] }: Readonly<Record<string, unknown>>): string[] {
  return (Messages as readonly { readonly ReceiptHandle: string }[]).map(({ ReceiptHandle }) => ReceiptHandle);
}
