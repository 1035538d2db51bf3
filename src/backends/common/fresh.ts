/**
 * An answer that has just come, for who asks the same again in this turn of the event loop. Nothing that this process
 * does, and nothing that it hears, lies between the two questions. So the second one gets no other answer than the
 * first, except for what others do meanwhile.
 */
export class Fresh<T> {
  #answer: T | null;

  constructor(answer: T) {
    this.#answer = answer;
    setImmediate(() => {
      this.#answer = null;
    });
  }

  /** Null: it is no longer fresh. */
  get answer(): T | null {
    return this.#answer;
  }
}
