import type { Notice } from '../contract/call.ts';
import type { OutgoingMessage, SendOutcome } from '../contract/message.ts';
import type { Publisher } from '../contract/queue.ts';
import { counted } from './counted.ts';

/** One sentence that names them all. */
const NAMED = 5;
/** One by one: a misfit may name a header, and messages can have any number of headers. */
const TOLD = 20;

/** Counts, for each phrase, the messages that do not fit into their target. */
export class Misfits {
  readonly #target: string;
  readonly #counts = new Map<string, number>();

  constructor(target: string) {
    this.#target = target;
  }

  /** Counts the misfits of one message. Returns the phrases that no earlier message had. */
  add(misfits: readonly string[]): readonly string[] {
    const fresh = misfits.filter((misfit) => !this.#counts.has(misfit));
    for (const misfit of misfits) this.#counts.set(misfit, (this.#counts.get(misfit) ?? 0) + 1);
    return fresh;
  }

  /** The number of different phrases. */
  get size(): number {
    return this.#counts.size;
  }

  toString(): string {
    const named = [...this.#counts]
      .slice(0, NAMED)
      .map(([misfit, count]) => `${misfit} (${counted(count, 'message')})`);
    if (this.#counts.size > NAMED) named.push(`and ${this.#counts.size - NAMED} more`);
    return `does not fit into ${this.#target}: ${named.join('; ')}`;
  }
}

/** Sends messages that were not checked beforehand. It counts what each send has to drop. */
export interface LossySender {
  send(message: OutgoingMessage): Promise<SendOutcome>;
  /** Tells how many messages were sent without something. */
  tell(): void;
}

/**
 * For `--lossy` without a look beforehand. Each thing that does not fit is told before the first message with it is
 * sent, so that nothing is dropped in silence. `target` is the name that the operator gave.
 */
export function lossySender(publisher: Publisher, target: string, notice: Notice): LossySender {
  const found = new Misfits(target);
  let bent = 0;
  return {
    async send(message) {
      const misfits = publisher.misfits(message);
      for (const misfit of found.add(misfits)) {
        if (found.size <= TOLD) notice(`does not fit into ${target}: ${misfit}; it is changed or left out (--lossy)`);
      }
      const outcome = await publisher.send(message);
      if (misfits.length > 0 && outcome.status === 'sent') bent += 1;
      return outcome;
    },
    tell() {
      if (bent > 0) notice(`sent without what does not fit: ${counted(bent, 'message')}`);
    },
  };
}
