import { isMqError, MqError } from '../../contract/errors.ts';
import { SqsQueue } from './queue.ts';
import { withoutPause, withPause } from './queues/pause-policy.ts';
import { readAttributes } from './queues/place.ts';

/** Keeps the reason of a pause, because a policy has no place for a remark. */
const REASON_TAG = 'mq-pause-reason';
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html */
const TAG_VALUE = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{0,256}$/u;

/** A queue whose operator allowed `mq` to write into its policy (`denyPolicy=true`). */
export class PausableSqsQueue extends SqsQueue {
  /**
   * Adds our deny statement to the queue's policy. The policy is read, changed and written back. SQS cannot do that
   * atomically, so a change by somebody else at the same moment can be overwritten. Takes up to 60 s to have an effect.
   */
  async pause({ reason, signal }: { readonly reason: string | null; readonly signal: AbortSignal }): Promise<void> {
    if (reason !== null && !TAG_VALUE.test(reason)) {
      throw new MqError(
        'USAGE',
        'the reason is kept as a tag: letters, digits, spaces and _ . : / = + - @, at most 256',
        {
          backend: 'sqs',
          operation: 'pause',
          queue: this.name,
        },
      );
    }
    const { Policy: policy, QueueArn: arn } = await readAttributes(this.here, signal);
    if (arn === undefined) {
      throw new MqError('UNEXPECTED_RESPONSE', 'SQS does not tell the ARN of the queue', {
        backend: 'sqs',
        queue: this.name,
      });
    }
    const paused = withPause(policy, arn);
    if (paused !== null) await this.#write(paused, signal);
    if (reason !== null) {
      await this.here.api.tag(
        { QueueUrl: this.here.url, Tags: { [REASON_TAG]: reason } },
        { queue: this.name, signal },
      );
    }
  }

  /** Removes our statement from the policy and leaves the others as they are. */
  async resume({ signal }: { readonly signal: AbortSignal }): Promise<void> {
    const { Policy: policy } = await readAttributes(this.here, signal);
    const resumed = withoutPause(policy);
    if (resumed === null) return;
    await this.#write(resumed, signal);
    await this.#dropReason(signal);
  }

  async #write(policy: string, signal: AbortSignal): Promise<void> {
    await this.here.api.setQueueAttributes(
      { QueueUrl: this.here.url, Attributes: { Policy: policy } },
      { queue: this.name, signal },
    );
  }

  /** The queue runs again, whether or not the caller may touch its tags. */
  async #dropReason(signal: AbortSignal): Promise<void> {
    const context = { queue: this.name, signal };
    try {
      const { Tags: tags = {} } = await this.here.api.listTags(this.here.url, context);
      if (!(REASON_TAG in tags)) return;
      await this.here.api.untag({ QueueUrl: this.here.url, TagKeys: [REASON_TAG] }, context);
    } catch (error) {
      if (!isMqError(error) || error.code !== 'PERMISSION_DENIED') throw error;
    }
  }
}
