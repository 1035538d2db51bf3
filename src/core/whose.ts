import type { Message } from '../contract/message.ts';
import { counted } from './counted.ts';

/** Which messages of a queue are meant, by the queue that lost them. */
export interface Whose {
  /**
   * Only the messages that this queue lost. Null: the messages with marks of a death, from whatever queue, and no
   * others.
   */
  readonly lostBy: string | null;
  /**
   * What happens to a message that does not say which queue lost it: it is meant too, if the links leave only one
   * answer; otherwise it is left.
   */
  readonly silent: 'meant' | 'left';
  /** The queue that holds them. */
  readonly holder: string;
  /** The queues that the links name; null if they could not be read. */
  readonly sources: readonly string[] | null;
  /** Tells `silent` and `sources`, which are not known yet: they matter only for a message that says nothing. */
  readonly learn?: () => Promise<Pick<Whose, 'silent' | 'sources'>>;
}

/** One pass over messages. It counts those for which the links had to decide. */
export interface WhoseJudge {
  /** Await it before `isMeant`: what is needed for this message is asked. */
  learn(message: Message): Promise<void> | undefined;
  isMeant(message: Message): boolean;
  /** What to tell the operator once, at the end. */
  remarks(): readonly string[];
}

export function judgeOf(whose: Whose): WhoseJudge {
  const { lostBy, holder } = whose;
  let { silent, sources, learn } = whose;
  let silentSeen = 0;
  return {
    learn(message) {
      if (learn === undefined || lostBy === null || (message.dead?.from ?? null) !== null) return undefined;
      return learn().then((learnt) => {
        ({ silent, sources } = learnt);
        learn = undefined;
      });
    },
    isMeant({ dead }) {
      const from = dead?.from ?? null;
      if (lostBy === null) {
        if (dead === null) silentSeen += 1;
        return dead !== null && from !== holder && dead.reason !== EXPIRED;
      }
      if (from !== null) return from === lostBy;
      silentSeen += 1;
      return silent === 'meant';
    },
    remarks() {
      if (silentSeen === 0) return [];
      if (lostBy === null) {
        const bear = counted(silentSeen, 'message bears', 'messages bear');
        return [
          `${bear} no known mark of a death, and no queue sends its dead letters to ${holder}: left out (redrive sends all that is there with --to QUEUE)`,
        ];
      }
      const do_ = counted(silentSeen, 'message does', 'messages do');
      const said = `${do_} not say which queue lost ${silentSeen === 1 ? 'it' : 'them'}`;
      if (silent === 'meant')
        return [`${said}: taken for ${lostBy}'s, the only queue whose dead letters come to ${holder}`];
      const because =
        sources === null
          ? 'who sends dead letters there could not be read'
          : `${sources.length === 0 ? 'no queue' : sources.join(', ')} ${sources.length > 1 ? 'send' : 'sends'} dead letters there`;
      return [`${said}, and ${silentSeen === 1 ? 'was' : 'were'} left in ${holder}: ${because}`];
    },
  };
}

/**
 * If no link points to the queue, a message that only expired somewhere is not a dead letter. It came through a delay
 * or a retry that works by a time to live, and it is fresh work.
 */
const EXPIRED = 'expired';
