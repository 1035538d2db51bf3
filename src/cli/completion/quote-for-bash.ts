import type { OpenQuote } from './split-line.ts';

/**
 * Letters with no special meaning in any shell, wherever they are in a word. All of Unicode beyond ASCII belongs to
 * them.
 */
const PLAIN = /[A-Za-z0-9_\-./,+%\u{80}-\u{10ffff}:=@]/u;

const ALL_PLAIN = /^[A-Za-z0-9_\-./,+%:=@]*$/;

/**
 * A text as it must be typed in bash, after the quote that is open, to be read back as itself. Nothing in it is ever
 * expanded: each letter with a special meaning gets a backslash or is in single quotes.
 */
export function quoteForBash(text: string, quote: OpenQuote): string {
  const quoted = quotedInside(text, quote);
  // Readline closes the open quote, unless the text before it ends with one.
  return quote !== null && quoted.endsWith(quote) ? quoted + quote : quoted;
}

function quotedInside(text: string, quote: OpenQuote): string {
  switch (quote) {
    case "'":
      return text.replaceAll("'", "'\\''");
    case '"':
      // History expansion works inside double quotes. A backslash stops it there, but stays in the text.
      return text.replace(/[\\"$`]/g, '\\$&').replaceAll('!', `"'!'"`);
    case null:
      if (ALL_PLAIN.test(text)) return text;
      return [...text].map((character) => (PLAIN.test(character) ? character : `\\${character}`)).join('');
  }
}
