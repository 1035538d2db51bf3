import type { Question } from '../../change/question.ts';
import type { Progress } from '../../core/plan.ts';
import type { ChangeVerb, RowKey } from '../watched.ts';

/** The change that the operator wants on one queue. */
export interface ActionRequest {
  readonly verb: ChangeVerb;
  readonly key: RowKey;
  /** redrive: only the dead letters of this reason; null: all. */
  readonly group: string | null;
  /** redrive: at most this many; null: all. */
  readonly max: number | null;
  /** purge, move: which messages. */
  readonly state: 'ready' | 'dead';
  /** move: to this queue, `name` or `name@context`. */
  readonly to: string | null;
}

/**
 * An action from the wish to the report:
 *   choose → (amount | target) → planning → confirm → running → done.
 * Escape leaves every step. From `running` it goes through `stopping`, where what is in the air is settled.
 */
export type ActionState =
  | { readonly step: 'choose'; readonly key: RowKey; readonly cursor: number }
  | {
      readonly step: 'amount' | 'target';
      readonly request: ActionRequest;
      readonly text: string;
      readonly problem: string | null;
    }
  | { readonly step: 'planning'; readonly request: ActionRequest; readonly id: number }
  | {
      readonly step: 'confirm';
      readonly request: ActionRequest;
      readonly id: number;
      readonly question: Question;
      readonly text: string;
    }
  | {
      readonly step: 'running' | 'stopping';
      readonly request: ActionRequest;
      readonly id: number;
      /** The answer to the question. */
      readonly answer: string;
      readonly progress: Progress | null;
    }
  | {
      readonly step: 'done';
      readonly request: ActionRequest;
      readonly lines: readonly string[];
      readonly failed: boolean;
    };

export interface ActionChoice {
  readonly verb: ChangeVerb;
  /** The key that chooses it, in the list and in the menu. */
  readonly key: string;
  readonly state: 'ready' | 'dead';
  readonly label: string;
}

export const CHOICES: readonly ActionChoice[] = [
  { verb: 'pause', key: 'p', state: 'ready', label: 'pause: consumers get nothing more' },
  { verb: 'resume', key: 'u', state: 'ready', label: 'resume: consumers get messages again' },
  { verb: 'redrive', key: 'R', state: 'dead', label: 'redrive: dead letters back to where they came from' },
  { verb: 'move', key: 'm', state: 'ready', label: 'move the ready messages to another queue' },
  { verb: 'purge', key: 'P', state: 'ready', label: 'purge: delete the ready messages' },
  { verb: 'purge', key: 'D', state: 'dead', label: 'purge: delete the dead letters' },
];
