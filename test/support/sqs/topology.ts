import type { ModelMessage } from '../model.ts';
import { FaultProxy } from './fault-proxy.ts';

type Received = { readonly MessageId: string; readonly ReceiptHandle: string; readonly Body: string };

/**
 * Queues on the emulator fauxqs, whose links and deaths are made behind the back of `mq`. SQS writes on a dead letter
 * which queue lost it, which this emulator does not: the proxy adds it to what is received. A message that is sent anew
 * is a new one, and has no such mark.
 */
export class Topology {
  readonly proxy: FaultProxy;
  readonly #emulator: string;
  readonly #urls = new Map<string, string>();
  /** By message id: the queue that lost it. */
  readonly #lostBy = new Map<string, string>();

  private constructor(proxy: FaultProxy, emulator: string) {
    this.proxy = proxy;
    this.#emulator = emulator;
  }

  static async start(emulator: string): Promise<Topology> {
    const proxy = await FaultProxy.start(emulator);
    const topology = new Topology(proxy, emulator);
    proxy.spoil('ReceiveMessage', async (_, forward) => {
      const answer = await forward();
      const messages = (answer.body.Messages ?? []) as { MessageId: string; Attributes?: object }[];
      const marked = messages.map((message) => {
        const source = topology.#lostBy.get(message.MessageId);
        if (source === undefined) return message;
        return { ...message, Attributes: { ...message.Attributes, DeadLetterQueueSourceArn: arnOf(source) } };
      });
      return { ...answer, body: { ...answer.body, Messages: marked } };
    });
    return topology;
  }

  async create(name: string): Promise<void> {
    const { body } = await this.proxy.ask('CreateQueue', { QueueName: name });
    this.#urls.set(name, String(body.QueueUrl));
  }

  async delete(name: string): Promise<void> {
    await this.proxy.ask('DeleteQueue', { QueueUrl: this.#urlOf(name) });
    this.#urls.delete(name);
  }

  async link(name: string, to: string | null): Promise<void> {
    const policy = to === null ? '' : JSON.stringify({ deadLetterTargetArn: arnOf(to), maxReceiveCount: 1000 });
    await this.proxy.ask('SetQueueAttributes', {
      QueueUrl: this.#urlOf(name),
      Attributes: { RedrivePolicy: policy },
    });
  }

  async send(name: string, messages: readonly ModelMessage[]): Promise<readonly string[]> {
    const ids: string[] = [];
    for (const { id, chosen } of messages) {
      const MessageBody = JSON.stringify({ id, chosen });
      const { body } = await this.proxy.ask('SendMessage', { QueueUrl: this.#urlOf(name), MessageBody });
      ids.push(String(body.MessageId));
    }
    return ids;
  }

  /**
   * Those messages die, as when consumers have failed them too often: they leave the queue, and go on in the other one,
   * with the mark.
   */
  async die(name: string, to: string | null, messages: readonly ModelMessage[]): Promise<void> {
    const QueueUrl = this.#urlOf(name);
    const wanted = messages.map(({ id }) => id);
    const held: Received[] = [];
    for (;;) {
      const { body } = await this.proxy.ask('ReceiveMessage', {
        QueueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 0,
      });
      const received = (body.Messages ?? []) as Received[];
      if (received.length === 0) break;
      held.push(...received);
    }
    for (const { ReceiptHandle, Body } of held) {
      const at = wanted.indexOf(JSON.parse(Body).id);
      if (at >= 0) wanted.splice(at, 1);
      if (at >= 0) await this.proxy.ask('DeleteMessage', { QueueUrl, ReceiptHandle });
      else await this.proxy.ask('ChangeMessageVisibility', { QueueUrl, ReceiptHandle, VisibilityTimeout: 0 });
    }
    if (wanted.length > 0) throw new Error(`not in ${name}: ${wanted.join(', ')}`);
    if (to === null) return;
    for (const id of await this.send(to, messages)) this.#lostBy.set(id, name);
  }

  /** What is in the queue, whoever holds it, with the queue that lost it: looked at without receiving. */
  async contents(name: string): Promise<readonly string[]> {
    const answer = await fetch(`${this.#emulator}/_fauxqs/queues/${name}`);
    const { messages } = (await answer.json()) as { messages: Record<string, { messageId: string; body: string }[]> };
    return Object.values(messages)
      .flat()
      .map((entry) => ('message' in entry ? (entry as unknown as { message: typeof entry }).message : entry))
      .map(({ messageId, body }) => `${JSON.parse(body).id} ${this.#lostBy.get(messageId) ?? '-'}`)
      .sort();
  }

  #urlOf(name: string): string {
    const url = this.#urls.get(name);
    if (url === undefined) throw new Error(`there is no queue ${name}`);
    return url;
  }
}

function arnOf(name: string): string {
  return `arn:aws:sqs:us-east-1:000000000000:${name}`;
}
