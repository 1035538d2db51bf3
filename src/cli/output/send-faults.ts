import type { SendOutcome } from '../../contract/message.ts';

type Fault = Exclude<SendOutcome, { readonly status: 'sent' }>;

/**
 * Reports failed messages. In a row of failures with the same reason, it tells the first at once, and of the others how
 * many there are and up to which message. A broker that is gone fails all messages that follow.
 */
export class SendFaults {
  readonly #say: (text: string) => void;
  #run: { readonly fault: Fault; count: number; last: number } | null = null;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** `number`: its place in the input, from 1. */
  add(fault: Fault, number: number): void {
    const run = this.#run;
    const goesOn = run !== null && number === run.last + 1;
    if (goesOn && run.fault.status === fault.status && run.fault.reason === fault.reason) {
      run.count += 1;
      run.last = number;
      return;
    }
    this.end();
    this.#run = { fault, count: 1, last: number };
    this.#say(`message ${number} ${FATE[fault.status]}: ${fault.reason}`);
  }

  end(): void {
    const run = this.#run;
    this.#run = null;
    if (run === null || run.count === 1) return;
    this.#say(
      `${run.count - 1} more, up to message ${run.last}, ${FATE_OF_MORE[run.fault.status]} for the same reason`,
    );
  }
}

const FATE = { failed: 'was not sent', unknown: 'may be sent or not' } as const;
const FATE_OF_MORE = { failed: 'were not sent', unknown: 'may be sent or not' } as const;
