import type { SqsApi } from './api/client.ts';
import { findQueue } from './queues/queue-url.ts';
import type { Address } from './url.ts';

/** The number of lost messages is not told: SQS counts only approximately. */
export async function deleteQueue(api: SqsApi, where: Address, text: string, signal: AbortSignal): Promise<null> {
  const { url } = await findQueue(api, where, text, signal);
  await api.getQueueAttributes(url, { queue: text, signal });
  await api.deleteQueue(url, { queue: text, signal });
  return null;
}
