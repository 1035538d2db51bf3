import { throwIfAborted } from '../../../contract/errors.ts';
import type { Fresh } from '../../common/fresh.ts';
import type { SqsApi } from '../api/client.ts';
import type { Reception } from '../url.ts';
import type { QueueAttributes } from './facts.ts';

/** A queue as it was opened, and how to reach it. */
export interface QueuePlace {
  readonly api: SqsApi;
  /** The operator's name for it. */
  readonly name: string;
  readonly url: string;
  /** The queue belongs to another account: related queues are named in full. */
  readonly foreign: boolean;
  readonly denyPolicy: boolean;
  readonly reception: Reception;
  /** As they were when the queue was opened; null: the caller may not read them. */
  readonly attributes: QueueAttributes | null;
  /** The same for who asks for figures at once. */
  readonly opening: Fresh<QueueAttributes | null>;
}

/** The queue's ARN; null if the caller may not read the queue's attributes. */
export function arnOf({ attributes }: QueuePlace): string | null {
  return attributes?.QueueArn ?? null;
}

/** As they are now. */
export async function readAttributes({ api, name, url }: QueuePlace, signal: AbortSignal): Promise<QueueAttributes> {
  return (await api.getQueueAttributes(url, { queue: name, signal })).Attributes ?? {};
}

/** The same for figures: those of the opening are as good if it was just now. */
export async function readFigures(place: QueuePlace, signal: AbortSignal): Promise<QueueAttributes> {
  throwIfAborted(signal);
  const known = place.api.isClosed ? null : place.opening.answer;
  return known ?? (await readAttributes(place, signal));
}
