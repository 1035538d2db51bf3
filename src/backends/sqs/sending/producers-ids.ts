import { createHash } from 'node:crypto';
import type { SendOutcome } from '../../../contract/message.ts';
import type { Written } from '../message-out.ts';

/**
 * Messages with deduplication ids from their producers. For a message that it throws away, SQS answers with the message
 * id of the first one: within one run, that shows which were there already. It does not tell what another client sent
 * before.
 */
export class ProducersIds {
  readonly #contents = new Map<string, string>();

  /** `id`: the one that SQS answered with. */
  outcome(written: Written, id: string | null): SendOutcome {
    if (!written.isProducersId || id === null) return { status: 'sent', id };
    const content = contentOf(written);
    const known = this.#contents.get(id);
    this.#contents.set(id, known ?? content);
    if (known === undefined) return { status: 'sent', id };
    if (known === content) return { status: 'sent', id, already: true };
    const dedup = JSON.stringify(written.entry.MessageDeduplicationId);
    return { status: 'failed', reason: `SQS dropped it: another message had the deduplication id ${dedup} before` };
  }
}

function contentOf({ entry, body }: Written): string {
  const { MessageAttributes: attributes = {}, MessageGroupId: group } = entry;
  const sorted = Object.entries(attributes).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([group, sorted]))
    .update(body)
    .digest('base64');
}
