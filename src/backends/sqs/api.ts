import {
  CancelMessageMoveTaskCommand,
  type CancelMessageMoveTaskCommandInput,
  ChangeMessageVisibilityBatchCommand,
  type ChangeMessageVisibilityBatchCommandInput,
  CreateQueueCommand,
  type CreateQueueCommandInput,
  DeleteMessageBatchCommand,
  type DeleteMessageBatchCommandInput,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type GetQueueUrlCommandInput,
  ListDeadLetterSourceQueuesCommand,
  type ListDeadLetterSourceQueuesCommandInput,
  ListMessageMoveTasksCommand,
  type ListMessageMoveTasksCommandInput,
  ListQueuesCommand,
  type ListQueuesCommandInput,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  type SendMessageBatchCommandInput,
  SetQueueAttributesCommand,
  type SetQueueAttributesCommandInput,
  SQSClient,
  StartMessageMoveTaskCommand,
  type StartMessageMoveTaskCommandInput,
  TagQueueCommand,
  type TagQueueCommandInput,
  UntagQueueCommand,
  type UntagQueueCommandInput,
} from '@aws-sdk/client-sqs';
import { type ClockReading, clockOfAnswer } from '../../contract/clock.ts';
import { MqError } from '../../contract/errors.ts';
import type { Address } from './address.ts';
import { credentialsOf } from './credentials.ts';
import { translate } from './errors.ts';
import { USER_AGENT } from './user-agent.ts';

/** Longer than the longest poll (20 s) by far; a request that takes longer has an unknown outcome. */
const REQUEST_TIMEOUT_MS = 30_000;
const READ_ATTEMPTS = 4;

/** Whose name an error carries, and what may stop the call. */
export interface CallContext {
  readonly queue: string | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The calls of SQS that we use, with errors in our words. Two clients: `#steady` repeats by the SDK's own rules what may be repeated without harm
 * (reads, deletes, visibility, FIFO sends, whose deduplication id makes a repetition harmless); `#once` never repeats.
 */
export class SqsApi {
  readonly #steady: SQSClient;
  readonly #once: SQSClient;
  readonly #region: string;
  readonly #closers = new Set<() => Promise<void>>();
  #closed = false;
  #clock: ClockReading | null = null;

  constructor(address: Address, connectTimeoutMs: number) {
    const place = {
      region: address.region,
      ...(address.endpoint === null ? {} : { endpoint: address.endpoint }),
      // A queue URL is data: it must not decide where signed requests go.
      useQueueUrlAsEndpoint: false,
      customUserAgent: USER_AGENT,
    };
    const credentials = credentialsOf(place);
    const shared = { ...place, credentials };
    const requestHandler = {
      connectionTimeout: connectTimeoutMs,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    };
    this.#steady = new SQSClient({ ...shared, requestHandler, maxAttempts: READ_ATTEMPTS });
    this.#once = new SQSClient({
      ...shared,
      requestHandler,
      maxAttempts: 1,
    });
    this.#region = address.region;
    for (const client of [this.#steady, this.#once]) this.#watchClock(client);
  }

  /** From the newest answer that carried a date, also one that refused; null: none did. */
  get serverClock(): ClockReading | null {
    return this.#clock;
  }

  /** Resolves when the SDK's chain has found credentials. */
  async credentials(): Promise<void> {
    await this.#do('ListQueues', { queue: null }, () => this.#steady.config.credentials());
  }

  listQueues(input: ListQueuesCommandInput, context: CallContext) {
    return this.#do('ListQueues', context, (o) => this.#steady.send(new ListQueuesCommand(input), o));
  }

  getQueueUrl(input: GetQueueUrlCommandInput, context: CallContext) {
    return this.#do('GetQueueUrl', context, (o) => this.#steady.send(new GetQueueUrlCommand(input), o));
  }

  getQueueAttributes(url: string, context: CallContext) {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] });
    return this.#do('GetQueueAttributes', context, (o) => this.#steady.send(command, o));
  }

  setQueueAttributes(input: SetQueueAttributesCommandInput, context: CallContext) {
    return this.#do('SetQueueAttributes', context, (o) => this.#steady.send(new SetQueueAttributesCommand(input), o));
  }

  listSources(input: ListDeadLetterSourceQueuesCommandInput, context: CallContext) {
    const command = new ListDeadLetterSourceQueuesCommand(input);
    return this.#do('ListDeadLetterSourceQueues', context, (o) => this.#steady.send(command, o));
  }

  listTags(url: string, context: CallContext) {
    return this.#do('ListQueueTags', context, (o) => this.#steady.send(new ListQueueTagsCommand({ QueueUrl: url }), o));
  }

  tag(input: TagQueueCommandInput, context: CallContext) {
    return this.#do('TagQueue', context, (o) => this.#steady.send(new TagQueueCommand(input), o));
  }

  untag(input: UntagQueueCommandInput, context: CallContext) {
    return this.#do('UntagQueue', context, (o) => this.#steady.send(new UntagQueueCommand(input), o));
  }

  createQueue(input: CreateQueueCommandInput, context: CallContext) {
    return this.#do('CreateQueue', context, (o) => this.#once.send(new CreateQueueCommand(input), o));
  }

  deleteQueue(url: string, context: CallContext) {
    return this.#do('DeleteQueue', context, (o) => this.#once.send(new DeleteQueueCommand({ QueueUrl: url }), o));
  }

  purgeQueue(url: string, context: CallContext) {
    return this.#do('PurgeQueue', context, (o) => this.#once.send(new PurgeQueueCommand({ QueueUrl: url }), o));
  }

  /** `repeatable`: every entry has a deduplication id or the queue makes one of the content. */
  sendBatch(input: SendMessageBatchCommandInput, context: CallContext & { readonly repeatable: boolean }) {
    const client = context.repeatable ? this.#steady : this.#once;
    return this.#do('SendMessage', context, (o) => client.send(new SendMessageBatchCommand(input), o));
  }

  /** Not repeated: the answer that was lost may have taken messages, and a second one would take more than was asked. */
  receive(input: ReceiveMessageCommandInput, context: CallContext) {
    return this.#do('ReceiveMessage', context, (o) => this.#once.send(new ReceiveMessageCommand(input), o));
  }

  deleteBatch(input: DeleteMessageBatchCommandInput, context: CallContext) {
    return this.#do('DeleteMessage', context, (o) => this.#steady.send(new DeleteMessageBatchCommand(input), o));
  }

  changeVisibilityBatch(input: ChangeMessageVisibilityBatchCommandInput, context: CallContext) {
    const command = new ChangeMessageVisibilityBatchCommand(input);
    return this.#do('ChangeMessageVisibility', context, (o) => this.#steady.send(command, o));
  }

  startMoveTask(input: StartMessageMoveTaskCommandInput, context: CallContext) {
    const command = new StartMessageMoveTaskCommand(input);
    return this.#do('StartMessageMoveTask', context, (o) => this.#once.send(command, o));
  }

  listMoveTasks(input: ListMessageMoveTasksCommandInput, context: CallContext) {
    const command = new ListMessageMoveTasksCommand(input);
    return this.#do('ListMessageMoveTasks', context, (o) => this.#steady.send(command, o));
  }

  cancelMoveTask(input: CancelMessageMoveTaskCommandInput, context: CallContext) {
    const command = new CancelMessageMoveTaskCommand(input);
    return this.#do('CancelMessageMoveTask', context, (o) => this.#steady.send(command, o));
  }

  /** Has `closer` called before the connection closes, while calls are still possible. Returns how to take that back. */
  beforeClose(closer: () => Promise<void>): () => void {
    this.#closers.add(closer);
    return () => this.#closers.delete(closer);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#closers].map((closer) => closer()));
    this.#closed = true;
    this.#steady.destroy();
    this.#once.destroy();
  }

  #watchClock(client: SQSClient): void {
    client.middlewareStack.add(
      (next) => async (args) => {
        const sentAt = Date.now();
        const result = await next(args);
        this.#clock = clockOfAnswer(dateOf(result.response), { sentAt, answeredAt: Date.now() }) ?? this.#clock;
        return result;
      },
      // Nearest to the connection: there an answer is still an answer when it refuses.
      { step: 'deserialize', priority: 'low', name: 'mqServerClock' },
    );
  }

  async #do<T>(
    action: string,
    context: CallContext,
    call: (options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) {
      throw new MqError('UNAVAILABLE', 'the connection is closed', {
        backend: 'sqs',
        operation: action,
        retryable: false,
      });
    }
    try {
      return await call(context.signal === undefined ? {} : { abortSignal: context.signal });
    } catch (error) {
      throw translate(error, { action, queue: context.queue, region: this.#region, signal: context.signal });
    }
  }
}

function dateOf(response: unknown): unknown {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return null;
  const { headers } = response;
  return typeof headers === 'object' && headers !== null && 'date' in headers ? headers.date : null;
}
