/** The quote that is open at the cursor. */
export type OpenQuote = '"' | "'" | null;

/** A command line of a POSIX shell, up to the cursor. */
export interface SplitLine {
  /** The finished words, unquoted. The first is the command. */
  readonly words: readonly string[];
  /** The word under the cursor, unquoted; empty between two words. */
  readonly current: string;
  readonly quote: OpenQuote;
  /** How much of `current` is before the last `:`, `=` or `@`, where bash splits words; 0 if there is none. */
  readonly keptByBash: number;
}

/**
 * Splits a line at blanks, and reads quotes and backslashes as a shell does. It expands nothing: `$HOME` and `$(date)`
 * stay text, because the line has not been run yet and must not be.
 */
export function splitLine(line: string): SplitLine {
  const words: string[] = [];
  let current = '';
  let isInWord = false;
  let quote: OpenQuote = null;
  let quoteStart = 0;
  let keptByBash = 0;
  const finish = (): void => {
    if (isInWord) words.push(current);
    current = '';
    isInWord = false;
    keptByBash = 0;
  };
  for (let at = 0; at < line.length; at++) {
    const character = line[at] ?? '';
    if (quote === "'") {
      if (character === "'") quote = null;
      else current += character;
    } else if (quote === '"') {
      const next = line[at + 1];
      if (character === '"') quote = null;
      else if (character === '\\' && next !== undefined && '\\"$`\n'.includes(next)) {
        current += next;
        at++;
      } else current += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      quoteStart = current.length;
      isInWord = true;
    } else if (character === '\\') {
      current += line[++at] ?? '';
      isInWord = true;
    } else if (character === ' ' || character === '\t' || character === '\n') {
      finish();
    } else {
      current += character;
      isInWord = true;
      if (character === ':' || character === '=') keptByBash = current.length;
      // This splits as well, but readline counts it as part of the next word.
      if (character === '@') keptByBash = current.length - 1;
    }
  }
  // Bash also splits at an opening quote, and replaces the text after it.
  return { words, current, quote, keptByBash: quote === null ? keptByBash : quoteStart };
}
