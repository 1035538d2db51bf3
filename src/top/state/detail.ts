import type { Message } from '../../contract/message.ts';
import type { QueueDescription } from '../../contract/queue.ts';
import type { DeadLetterGroup } from '../../core/dead-letter-groups.ts';
import type { RowKey } from '../watched.ts';

/** A part that is fetched from the broker separately, while the view continues. */
export type Load<T> =
  | { readonly status: 'asked'; readonly request: number; readonly consented: boolean }
  | { readonly status: 'ready'; readonly data: T }
  /** Looking disturbs the queue. This is the price, and a key consents to it. */
  | { readonly status: 'priced'; readonly price: string }
  | { readonly status: 'failed'; readonly reason: string };

export interface Overview {
  readonly description: QueueDescription;
  /** Sentences about dead-letter links. */
  readonly links: readonly string[];
}

export interface DeadLettersSeen {
  readonly groups: readonly DeadLetterGroup[];
  /** How many messages were looked at. */
  readonly seen: number;
  /** There are more messages than were looked at. */
  readonly partial: boolean;
}

export interface MessagesSeen {
  readonly messages: readonly Message[];
  readonly partial: boolean;
}

export const TABS = ['overview', 'dead', 'messages'] as const;
export type Tab = (typeof TABS)[number];

export interface DetailState {
  readonly key: RowKey;
  readonly tab: Tab;
  readonly overview: Load<Overview>;
  /** Null: not asked for yet. */
  readonly dead: Load<DeadLettersSeen> | null;
  readonly messages: Load<MessagesSeen> | null;
  /** The reason that was selected when the dead letters were looked at again: the selection goes back to it. */
  readonly reason: string | null;
  /** The line selected in the tab. In the overview, the first line shown. */
  readonly cursor: number;
  /** The message that is shown completely: its index in the list, and its first visible line; null: none. */
  readonly open: { readonly index: number; readonly offset: number } | null;
}

/** The reason under the cursor, in the tab of the dead letters. */
export function selectedReason({ tab, dead, cursor }: DetailState): string | null {
  if (tab !== 'dead' || dead?.status !== 'ready') return null;
  return dead.data.groups[cursor]?.reason ?? null;
}

/** What the detail waits for, told to the code that fetches it. */
export interface Asked {
  readonly request: number;
  readonly what: Tab;
  readonly key: RowKey;
  readonly consented: boolean;
}

export function askedBy(detail: DetailState | null): readonly Asked[] {
  if (detail === null) return [];
  return TABS.flatMap((what) => {
    const load = detail[what];
    if (load?.status !== 'asked') return [];
    return [{ what, key: detail.key, request: load.request, consented: load.consented }];
  });
}

/** The messages that the tab can open: one for each group, or one for each line. */
export function openable(detail: DetailState): readonly Message[] {
  if (detail.tab === 'dead' && detail.dead?.status === 'ready')
    return detail.dead.data.groups.map(({ newest }) => newest);
  if (detail.tab === 'messages' && detail.messages?.status === 'ready') return detail.messages.data.messages;
  return [];
}
