import type { TopState } from '../state/state.ts';
import type { Store } from '../store.ts';
import type { Line } from '../text/line.ts';
import { screenLines } from '../text/screen.ts';
import type { Theme } from '../text/theme.ts';

/** The state that is on the screen. It stays the same object until another one looks different. */
export class Drawn {
  readonly #store: Store;
  readonly #theme: Theme;
  /** The last state that was looked at. */
  #seen: TopState | null = null;
  #shown: TopState | null = null;
  #lines: readonly Line[] = [];

  constructor(store: Store, theme: Theme) {
    this.#store = store;
    this.#theme = theme;
  }

  readonly state = (): TopState => {
    const state = this.#store.state();
    if (this.#shown !== null && state === this.#seen) return this.#shown;
    this.#seen = state;
    const lines = screenLines(state, this.#theme);
    if (this.#shown !== null && looksTheSame(this.#shown, state, this.#lines, lines)) return this.#shown;
    this.#lines = lines;
    this.#shown = state;
    return state;
  };
}

function looksTheSame(one: TopState, other: TopState, lines: readonly Line[], others: readonly Line[]): boolean {
  return (
    one.size === other.size &&
    (one.action === null) === (other.action === null) &&
    lines.length === others.length &&
    lines.every((line, index) => {
      const next = others[index];
      return line.text === next?.text && line.words === next.words && line.isSelected === next.isSelected;
    })
  );
}
