import type { Question } from '../../change/question.ts';
import type { Progress } from '../../core/plan.ts';
import type { Snapshot } from '../../feed/snapshot.ts';
import type { DeadLettersSeen, Load, MessagesSeen, Overview } from './detail.ts';
import type { Key } from './key.ts';
import type { Size } from './state.ts';

/** What a fetch for the detail came to; `asked` is no answer. */
export type Answer<T> = Exclude<Load<T>, { readonly status: 'asked' }>;

/** All that can happen to the view. */
export type TopEvent =
  | { readonly type: 'key'; readonly key: Key }
  /** Text that was pasted: never taken for keys. */
  | { readonly type: 'paste'; readonly text: string }
  | { readonly type: 'resize'; readonly size: Size }
  | { readonly type: 'clock'; readonly now: number }
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  /** The recording has no more samples; the last one was of `at`. */
  | { readonly type: 'replayed'; readonly at: number }
  | { readonly type: 'overview'; readonly request: number; readonly answer: Answer<Overview> }
  | { readonly type: 'dead'; readonly request: number; readonly answer: Answer<DeadLettersSeen> }
  | { readonly type: 'messages'; readonly request: number; readonly answer: Answer<MessagesSeen> }
  | { readonly type: 'planned'; readonly id: number; readonly question: Question }
  | { readonly type: 'progress'; readonly id: number; readonly progress: Progress }
  | { readonly type: 'finished'; readonly id: number; readonly lines: readonly string[]; readonly failed: boolean };
