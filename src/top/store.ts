import { reduce } from './reducer/reducer.ts';
import type { TopEvent } from './state/event.ts';
import type { TopState } from './state/state.ts';

/** Holds the state outside React, so that polling and working do not depend on drawing. */
export class Store {
  #state: TopState;
  readonly #listeners = new Set<() => void>();

  constructor(state: TopState) {
    this.#state = state;
  }

  readonly state = (): TopState => this.#state;

  readonly dispatch = (event: TopEvent): void => {
    const next = reduce(this.#state, event);
    if (next === this.#state) return;
    this.#state = next;
    for (const listener of this.#listeners) listener();
  };

  /** Returns the function that ends the subscription. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
