/** One line of the screen. */
export interface Line {
  /** Painted, safe, and not wider than the screen. */
  readonly text: string;
  /** A screen reader says this instead; absent: the text itself. */
  readonly words?: string;
  /** The line that the operator is on. */
  readonly isSelected?: boolean;
}

export function line(text: string): Line {
  return { text };
}
