import type { SqsApi } from '../api/client.ts';
import type { Reception } from '../url.ts';
import type { QueueAttributes } from './facts.ts';

/** A queue as it was opened, and how to reach it. */
export interface QueuePlace {
  readonly api: SqsApi;
  /** As the operator named it. */
  readonly name: string;
  readonly url: string;
  /** Another account's queue: related queues are named in full. */
  readonly foreign: boolean;
  readonly denyPolicy: boolean;
  readonly reception: Reception;
  /** As read when the queue was opened; null when the caller may not read them. */
  readonly attributes: QueueAttributes | null;
}

/** The queue's ARN; null when the caller may not read the queue's attributes. */
export function arnOf({ attributes }: QueuePlace): string | null {
  return attributes?.QueueArn ?? null;
}

/** As they are now. */
export async function readAttributes({ api, name, url }: QueuePlace, signal: AbortSignal): Promise<QueueAttributes> {
  return (await api.getQueueAttributes(url, { queue: name, signal })).Attributes ?? {};
}
