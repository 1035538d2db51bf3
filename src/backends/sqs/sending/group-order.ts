import type { SendOutcome } from '../../../contract/message.ts';
import type { Written } from '../message-out.ts';

/** The first message of a group that was not sent. */
interface Gap {
  readonly head: Written;
  /** It may be sent again; the others of its group wait for that. */
  readonly again: boolean;
}

/** FIFO: after a message that was not sent, no other of its group is sent, because it would overtake it. */
export class GroupOrder {
  readonly #gaps = new Map<string, Gap>();

  /** Why this one may not be sent now; null: it may. */
  refusal(written: Written): SendOutcome | null {
    const gap = this.#gaps.get(groupOf(written));
    if (gap === undefined || (gap.again && isSame(gap.head, written))) return null;
    const reason = 'kept back: an earlier message of its group was not sent';
    return { status: 'failed', reason, ...(gap.again ? { again: true } : {}) };
  }

  learn(written: Written, outcome: SendOutcome): void {
    const group = groupOf(written);
    if (outcome.status === 'sent') this.#gaps.delete(group);
    else this.#gaps.set(group, { head: written, again: outcome.status === 'failed' && outcome.again === true });
  }
}

export function groupOf({ entry }: Written): string {
  return entry.MessageGroupId ?? '';
}

function isSame(one: Written, other: Written): boolean {
  return one.body === other.body || one.entry.MessageDeduplicationId === other.entry.MessageDeduplicationId;
}
