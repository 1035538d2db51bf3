import type { Question } from '../../change/question.ts';
import type { Progress } from '../../core/plan.ts';
import type { Snapshot } from '../../feed/snapshot.ts';
import type { DeadLettersSeen, Load, MessagesSeen, Overview } from './detail.ts';
import type { Key } from './key.ts';
import type { Size } from './state.ts';

/** The result of a fetch for the detail. `asked` is not an answer. */
export type Answer<T> = Exclude<Load<T>, { readonly status: 'asked' }>;

/** Every event of the view. */
export type TopEvent =
  | { readonly type: 'key'; readonly key: Key }
  /** Text that was pasted. It is never taken as keys. */
  | { readonly type: 'paste'; readonly text: string }
  | { readonly type: 'resize'; readonly size: Size }
  | { readonly type: 'clock'; readonly now: number }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  /** The recording has no more samples; the last one was at `at`. */
  | { readonly type: 'replayed'; readonly at: number }
  | { readonly type: 'overview'; readonly request: number; readonly answer: Answer<Overview> }
  | { readonly type: 'dead'; readonly request: number; readonly answer: Answer<DeadLettersSeen> }
  | { readonly type: 'messages'; readonly request: number; readonly answer: Answer<MessagesSeen> }
  | { readonly type: 'planned'; readonly id: number; readonly question: Question }
  | { readonly type: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly type: 'finished'; readonly id: number; readonly lines: readonly string[]; readonly failed: boolean };
