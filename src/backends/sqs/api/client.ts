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
import { isMqError, MqError } from '../../../contract/errors.ts';
import { type ClockReading, clockOfAnswer } from '../../common/clock.ts';
import { pauseFor } from '../../common/waits.ts';
import { translate } from '../errors.ts';
import { credentialsOf } from '../sdk/credentials.ts';
import type { Transport } from '../sdk/transport.ts';
import { USER_AGENT } from '../sdk/transport.ts';
import type { Address } from '../url.ts';
import { AnswerClock, backOffMs, type Patience, type Waiting } from './patience.ts';

/**
 * How often a read is tried in total, and the first pause between tries, in milliseconds. A throttled read gets more of
 * both.
 */
const READ_ATTEMPTS = 4;
const FIRST_PAUSE_MS = 100;
const FIRST_PAUSE_THROTTLED_MS = 400;

/** The queue that an error names, and what may stop the call. */
export interface CallContext {
  readonly queue: string | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * `never`: its outcome is reported as it was. `read`: tried again a few times. `settle`: tried again until the time
 * limit is over, because taken messages should be settled: deletes, visibility, FIFO sends (whose deduplication id
 * makes a repetition harmless).
 */
type Repeat = 'never' | 'read' | 'settle';

/**
 * The calls of SQS that `mq` uses, with errors in our words. The wait for each answer is bounded. The SDK itself
 * repeats nothing.
 */
export class SqsApi {
  readonly #client: SQSClient;
  readonly #region: string;
  readonly #patience: Patience;
  readonly #connectTimeoutMs: number;
  readonly #answers: AnswerClock;
  readonly #closers = new Set<() => Promise<void>>();
  #credentials: Promise<unknown> | null = null;
  #closed = false;
  #clock: ClockReading | null = null;

  constructor(
    address: Pick<Address, 'region' | 'endpoint'>,
    transport: Transport,
    { connectTimeoutMs, ...patience }: Patience & { readonly connectTimeoutMs: number },
  ) {
    const place = {
      region: address.region,
      ...(address.endpoint === null ? {} : { endpoint: address.endpoint }),
      // A queue URL is data: it must not decide where signed requests go.
      useQueueUrlAsEndpoint: false,
      customUserAgent: USER_AGENT,
      requestHandler: transport,
      maxAttempts: 1,
    };
    this.#client = new SQSClient({ ...place, credentials: credentialsOf(place) });
    this.#region = address.region;
    this.#patience = patience;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#answers = new AnswerClock(patience);
    this.#watchClock(this.#client);
  }

  /** From the newest answer that had a date, even if it refused; null: none had. */
  /** How many were sent so far. */
  requests = 0;

  get serverClock(): ClockReading | null {
    return this.#clock;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** The longest wait for one answer, in milliseconds. */
  get timeoutMs(): number {
    return this.#patience.timeoutMs;
  }

  /** Aborted when the operator interrupts. */
  get interruption(): AbortSignal {
    return this.#patience.interruption;
  }

  listQueues(input: ListQueuesCommandInput, context: CallContext) {
    return this.#do('ListQueues', 'read', context, (o) => this.#client.send(new ListQueuesCommand(input), o));
  }

  getQueueUrl(input: GetQueueUrlCommandInput, context: CallContext) {
    return this.#do('GetQueueUrl', 'read', context, (o) => this.#client.send(new GetQueueUrlCommand(input), o));
  }

  getQueueAttributes(url: string, context: CallContext) {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] });
    return this.#do('GetQueueAttributes', 'read', context, (o) => this.#client.send(command, o));
  }

  setQueueAttributes(input: SetQueueAttributesCommandInput, context: CallContext) {
    return this.#do('SetQueueAttributes', 'read', context, (o) =>
      this.#client.send(new SetQueueAttributesCommand(input), o),
    );
  }

  listSources(input: ListDeadLetterSourceQueuesCommandInput, context: CallContext) {
    const command = new ListDeadLetterSourceQueuesCommand(input);
    return this.#do('ListDeadLetterSourceQueues', 'read', context, (o) => this.#client.send(command, o));
  }

  listTags(url: string, context: CallContext) {
    return this.#do('ListQueueTags', 'read', context, (o) =>
      this.#client.send(new ListQueueTagsCommand({ QueueUrl: url }), o),
    );
  }

  tag(input: TagQueueCommandInput, context: CallContext) {
    return this.#do('TagQueue', 'read', context, (o) => this.#client.send(new TagQueueCommand(input), o));
  }

  untag(input: UntagQueueCommandInput, context: CallContext) {
    return this.#do('UntagQueue', 'read', context, (o) => this.#client.send(new UntagQueueCommand(input), o));
  }

  createQueue(input: CreateQueueCommandInput, context: CallContext) {
    return this.#do('CreateQueue', 'never', context, (o) => this.#client.send(new CreateQueueCommand(input), o));
  }

  deleteQueue(url: string, context: CallContext) {
    return this.#do('DeleteQueue', 'never', context, (o) =>
      this.#client.send(new DeleteQueueCommand({ QueueUrl: url }), o),
    );
  }

  purgeQueue(url: string, context: CallContext) {
    return this.#do('PurgeQueue', 'never', context, (o) =>
      this.#client.send(new PurgeQueueCommand({ QueueUrl: url }), o),
    );
  }

  /** `repeatable`: every entry has a deduplication id, or the queue makes one from the content. */
  sendBatch(input: SendMessageBatchCommandInput, context: CallContext & { readonly repeatable: boolean }) {
    const repeat = context.repeatable ? 'settle' : 'never';
    return this.#do('SendMessage', repeat, context, (o) => this.#client.send(new SendMessageBatchCommand(input), o));
  }

  /** Not repeated here: a lost answer may have taken messages, and the consumer has to know that. */
  receive(input: ReceiveMessageCommandInput, context: CallContext) {
    const pollMs = (input.WaitTimeSeconds ?? 0) * 1000;
    return this.#do(
      'ReceiveMessage',
      'never',
      context,
      (o) => this.#client.send(new ReceiveMessageCommand(input), o),
      pollMs,
    );
  }

  deleteBatch(input: DeleteMessageBatchCommandInput, context: CallContext) {
    return this.#do('DeleteMessage', 'settle', context, (o) =>
      this.#client.send(new DeleteMessageBatchCommand(input), o),
    );
  }

  changeVisibilityBatch(input: ChangeMessageVisibilityBatchCommandInput, context: CallContext) {
    const command = new ChangeMessageVisibilityBatchCommand(input);
    return this.#do('ChangeMessageVisibility', 'settle', context, (o) => this.#client.send(command, o));
  }

  startMoveTask(input: StartMessageMoveTaskCommandInput, context: CallContext) {
    const command = new StartMessageMoveTaskCommand(input);
    return this.#do('StartMessageMoveTask', 'never', context, (o) => this.#client.send(command, o));
  }

  listMoveTasks(input: ListMessageMoveTasksCommandInput, context: CallContext) {
    const command = new ListMessageMoveTasksCommand(input);
    return this.#do('ListMessageMoveTasks', 'read', context, (o) => this.#client.send(command, o));
  }

  cancelMoveTask(input: CancelMessageMoveTaskCommandInput, context: CallContext) {
    const command = new CancelMessageMoveTaskCommand(input);
    return this.#do('CancelMessageMoveTask', 'settle', context, (o) => this.#client.send(command, o));
  }

  /** Calls `closer` before the connection closes, while calls are still possible. Returns how to cancel that. */
  beforeClose(closer: () => Promise<void>): () => void {
    this.#closers.add(closer);
    return () => this.#closers.delete(closer);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#closers].map((closer) => closer()));
    this.#closed = true;
    this.#client.destroy();
  }

  #watchClock(client: SQSClient): void {
    client.middlewareStack.add(
      (next) => async (args) => {
        const sentAt = Date.now();
        const result = await next(args);
        this.#clock = clockOfAnswer(dateOf(result.response), { sentAt, answeredAt: Date.now() }) ?? this.#clock;
        return result;
      },
      // Closest to the connection: here an answer is still an answer if it refuses.
      { step: 'deserialize', priority: 'low', name: 'mqServerClock' },
    );
  }

  async #do<T>(
    action: string,
    repeat: Repeat,
    context: CallContext,
    call: (options: { abortSignal: AbortSignal }) => Promise<T>,
    pollMs = 0,
  ): Promise<T> {
    const startedAt = Date.now();
    let before: MqError | null = null;
    for (let attempt = 1; ; attempt += 1) {
      try {
        this.requests += 1;
        return await this.#attempt(action, context, call, pollMs);
      } catch (error) {
        // The reason why there was no answer says more than that the time is over.
        if (before !== null && isMqError(error) && error.code === 'TIMEOUT') throw before;
        const isTransient = isMqError(error) && (error.code === 'THROTTLED' || error.code === 'UNAVAILABLE');
        if (!isTransient || !error.retryable || repeat === 'never') throw error;
        const pauseMs = backOffMs(attempt, error.code === 'THROTTLED' ? FIRST_PAUSE_THROTTLED_MS : FIRST_PAUSE_MS);
        const { timeoutMs, interruption } = this.#patience;
        const isOver =
          repeat === 'read'
            ? attempt >= READ_ATTEMPTS
            : Date.now() - startedAt + pauseMs > timeoutMs || interruption.aborted;
        if (isOver) throw error;
        await pauseFor(pauseMs, repeat === 'read' ? (context.signal ?? interruption) : interruption);
        before = error;
      }
    }
  }

  async #attempt<T>(
    action: string,
    { queue, signal }: CallContext,
    call: (options: { abortSignal: AbortSignal }) => Promise<T>,
    pollMs: number,
  ): Promise<T> {
    if (this.#closed) {
      throw new MqError('UNAVAILABLE', 'the connection is closed', {
        backend: 'sqs',
        operation: action,
        retryable: false,
      });
    }
    const waiting = { action, queue, signal: signal ?? null, pollMs };
    try {
      await this.#haveCredentials(waiting);
      return await this.#answers.answerOf(waiting, (abortSignal) => call({ abortSignal }));
    } catch (error) {
      throw translate(error, { action, queue, region: this.#region, signal });
    }
  }

  /**
   * Only once. The search for them cannot be cut off: a machine without credentials may wait for a metadata service
   * that does not exist.
   */
  async #haveCredentials(waiting: Waiting): Promise<void> {
    if (this.#credentials === null) {
      const { interruption } = this.#patience;
      const bounds = { timeoutMs: this.#connectTimeoutMs, interruption };
      this.#credentials = new AnswerClock(bounds).answerOf({ ...waiting, pollMs: 0 }, () =>
        this.#client.config.credentials(),
      );
      this.#credentials.catch(() => {
        this.#credentials = null;
      });
    }
    await this.#credentials;
  }
}

function dateOf(response: unknown): unknown {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return null;
  const { headers } = response;
  return typeof headers === 'object' && headers !== null && 'date' in headers ? headers.date : null;
}
